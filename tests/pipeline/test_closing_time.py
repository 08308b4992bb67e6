"""While the business is closed a customer is told so once, and agents answer as the business wants it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.pipeline.manual_hub import ManualHub

AWAY = "We are closed."
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _closed_for(hub: ManualHub, hours: int, **more: Any) -> None:
    """Close the business now; it opens for an hour after as many hours, and so each day."""
    opens = hub.deps.now() + timedelta(hours=hours)
    closes = opens + timedelta(hours=1)
    daily = [{"day": day, "opens": f"{opens:%H:%M}", "closes": f"{closes:%H:%M}"} for day in DAYS]
    body = {"zone": "UTC", "intervals": daily, "awayMessage": AWAY} | more
    hub.post("/api/business-hours", body, 201)


def _texts(hub: ManualHub) -> list[str]:
    hub.work()
    return hub.sent_texts()


def test_a_customer_whom_nobody_answers_is_told_once_each_time_that_it_is_closed(
    manual_hub: ManualHub, bot: str
) -> None:
    _closed_for(manual_hub, 5)
    manual_hub.writes(bot, "one")
    assert _texts(manual_hub) == [AWAY]
    manual_hub.writes(bot, "two")
    assert _texts(manual_hub) == [AWAY]
    manual_hub.wait(hours=5, minutes=30)
    manual_hub.writes(bot, "three")
    assert _texts(manual_hub) == [AWAY]
    manual_hub.wait(hours=2)
    manual_hub.writes(bot, "four")
    assert _texts(manual_hub) == [AWAY, AWAY]
    assert manual_hub.conversation().needs_reply_since is not None


def test_a_customer_whom_an_agent_answers_is_not_told(manual_hub: ManualHub, bot: str) -> None:
    manual_hub.echo_agent()
    _closed_for(manual_hub, 5)
    manual_hub.writes(bot, "one")
    assert _texts(manual_hub) == ["Echo: one"]


def test_who_asks_for_a_person_is_told_that_there_is_none_now(manual_hub: ManualHub, bot: str) -> None:
    manual_hub.echo_agent()
    _closed_for(manual_hub, 5)
    manual_hub.writes(bot, "I want to talk to a human")
    assert _texts(manual_hub) == [AWAY]


def test_who_has_opted_out_is_not_told(manual_hub: ManualHub, bot: str) -> None:
    _closed_for(manual_hub, 5)
    manual_hub.writes(bot, "STOP")
    manual_hub.work()
    confirmed = manual_hub.sent_texts()
    manual_hub.writes(bot, "hello?")
    assert _texts(manual_hub) == confirmed


def test_a_customer_whom_a_person_has_just_written_to_is_not_told(manual_hub: ManualHub, bot: str) -> None:
    manual_hub.writes(bot, "one")
    manual_hub.work()
    _closed_for(manual_hub, 5)
    manual_hub.say(manual_hub.conversation().id, "I am here")
    manual_hub.writes(bot, "two")
    assert AWAY not in _texts(manual_hub)


@pytest.mark.parametrize(("language", "text"), [("pt-BR", "Estamos fechados."), ("de", AWAY)])
def test_a_customer_is_told_in_their_language(manual_hub: ManualHub, bot: str, language: str, text: str) -> None:
    manual_hub.writes(bot, "one")
    manual_hub.work()
    customer_id = manual_hub.conversation().customer_id
    manual_hub.put(f"/customers/{customer_id}/profile", {"preferences": {"language": language}})
    _closed_for(manual_hub, 5, awayMessages={"pt": "Estamos fechados."})
    manual_hub.writes(bot, "two")
    assert _texts(manual_hub) == [text]


@pytest.mark.parametrize(
    ("agent_hours", "now", "after_opening"),
    [
        ("always", ["Echo: one"], ["Echo: one"]),
        ("outside", ["Echo: one"], ["Echo: one"]),
        ("inside", [AWAY], [AWAY, "Echo: one"]),
    ],
)
def test_agents_answer_at_their_hours_what_was_written_before(
    manual_hub: ManualHub, bot: str, agent_hours: str, now: list[str], after_opening: list[str]
) -> None:
    manual_hub.echo_agent()
    manual_hub.patch("/api/settings", {"agentHours": agent_hours})
    _closed_for(manual_hub, 5)
    manual_hub.writes(bot, "one")
    assert _texts(manual_hub) == now
    manual_hub.wait(hours=5, minutes=1)
    for _ in range(2):
        manual_hub.tick()
    assert _texts(manual_hub) == after_opening


def test_a_crash_before_the_message_goes_out_sends_it_once(manual_hub: ManualHub, bot: str) -> None:
    _closed_for(manual_hub, 5)
    manual_hub.writes(bot, "one")
    manual_hub.overlaps.store.after_commit("outbox", manual_hub.forget_owed)
    manual_hub.work()
    manual_hub.writes(bot, "two")
    manual_hub.wait(minutes=2)
    manual_hub.tick()
    assert _texts(manual_hub) == [AWAY]
