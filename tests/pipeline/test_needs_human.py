"""What ends that a conversation needs a human, and what leaves it so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.events import Topic
from shared.errors import HubError
from shared.usecases.realtime import CONVERSATION_UPDATED
from tests.evolution import answered_shop, evolution_rules, upsert, written
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Reply

RUN = "/api/v1/agent/support/run"

Act = Callable[[ManualHub], object]


@pytest.fixture
def flagged(manual_hub: ManualHub) -> ManualHub:
    """A hub whose only customer was not answered: the agent failed again and again, and works now."""
    evolution_rules(manual_hub.provider)
    manual_hub.provider.on("POST", RUN, Reply(json={"message": "back again"}))
    manual_hub.provider.on("POST", RUN, Reply(500), times=4)
    manual_hub.post("/api/v1/instances", answered_shop(manual_hub.provider.url, config={"csat": False}), 201)
    _webhook(manual_hub, "help")
    for _ in range(3):
        with pytest.raises(HubError):
            manual_hub.work()
    manual_hub.work()
    assert _needs_human(manual_hub)
    return manual_hub


def _webhook(hub: ManualHub, text: str, **key: Any) -> None:
    assert hub.client.post("/webhook/evolution/shop", json=upsert(written(text, **key))).status_code == 200
    hub.work(Topic.INBOUND)


def _path(hub: ManualHub) -> str:
    return f"/api/conversations/{hub.conversation().id}"


def _needs_human(hub: ManualHub) -> bool:
    return bool(hub.get(_path(hub))["needsHuman"])


def _the_agent_answers(hub: ManualHub) -> None:
    _webhook(hub, "still there?")
    hub.work()
    assert hub.sent_texts("/message/sendText") == ["back again"]


def _a_person_answers(hub: ManualHub) -> None:
    hub.post("/api/messages/send", {"conversationId": hub.conversation().id, "text": "I am here"}, 202)


def _a_person_answers_from_the_account_itself(hub: ManualHub) -> None:
    _webhook(hub, "by phone", fromMe=True)


def _somebody_is_assigned(hub: ManualHub) -> None:
    hub.patch(_path(hub), {"assigneeId": "ann"})


def _it_is_closed_and_opened_again(hub: ManualHub) -> None:
    for status in ("CLOSED", "OPEN"):
        hub.patch(_path(hub), {"status": status})


def _the_customer_goes_on(hub: ManualHub) -> None:
    _webhook(hub, "hello?")


def _it_becomes_urgent(hub: ManualHub) -> None:
    hub.patch(_path(hub), {"priority": "URGENT"})


def _it_sleeps_and_wakes(hub: ManualHub) -> None:
    until = (hub.deps.now() + timedelta(minutes=5)).isoformat()
    hub.patch(_path(hub), {"status": "SNOOZED", "snoozedUntil": until})
    hub.overlaps.clock.advance(minutes=6)
    hub.tick()
    assert hub.conversation().status == "open"


def _a_campaign_comes(hub: ManualHub) -> None:
    audience = {"customer_ids": [hub.conversation().customer_id]}
    campaign = {"name": "Sale", "channels": ["whatsapp"], "message": "Sale!", "audience": audience}
    launched = hub.post("/campaigns", campaign, 201)["campaign_id"]
    hub.post(f"/campaigns/{launched}/launch", {}, 202)
    hub.tick()
    assert hub.sent_texts("/message/sendText") == ["Sale!"]


def _move(hub: ManualHub, **more: str) -> None:
    """The customer writes by Telegram too, so that they can be reached there."""
    hub.writes(hub.telegram(), "hi")
    conversation = next(each for each in hub.conversations() if each.needs_human)
    other = next(each for each in hub.conversations() if each.id != conversation.id)
    hub.patch(f"/api/conversations/{other.id}", {"status": "CLOSED"})
    hub.post(f"/customers/{conversation.customer_id}/merge", {"source_id": other.customer_id})
    body = {"from_channel": "whatsapp", "to_channel": "telegram_bot", **more}
    hub.post(f"/sessions/{conversation.id}/transfer", body)


def test_clients_that_look_on_are_told_that_a_human_is_needed(flagged: ManualHub) -> None:
    flagged.work()
    [*_, latest] = [event for event in flagged.realtime if event.name == CONVERSATION_UPDATED]
    assert latest.payload["conversation"] == flagged.conversation().model_dump(mode="json")


@pytest.mark.parametrize(
    "act",
    [
        _the_agent_answers,
        _a_person_answers,
        _a_person_answers_from_the_account_itself,
        _somebody_is_assigned,
        _it_is_closed_and_opened_again,
    ],
)
def test_a_conversation_needs_no_human_any_more_when(flagged: ManualHub, act: Act) -> None:
    act(flagged)
    assert not _needs_human(flagged)


@pytest.mark.parametrize("act", [_the_customer_goes_on, _it_becomes_urgent, _it_sleeps_and_wakes, _a_campaign_comes])
def test_a_conversation_still_needs_a_human_when(flagged: ManualHub, act: Act) -> None:
    act(flagged)
    assert _needs_human(flagged)


@pytest.mark.parametrize(("agent", "needs_human"), [({}, True), ({"agent_id": "ann"}, False)], ids=["alone", "taken"])
def test_a_conversation_that_is_moved_needs_a_human_unless_somebody_takes_it(
    flagged: ManualHub, agent: dict[str, str], needs_human: bool
) -> None:
    conversation_id = flagged.conversation().id
    _move(flagged, **agent)
    moved = flagged.get(f"/api/conversations/{conversation_id}")
    assert (moved["channelType"], moved["needsHuman"]) == ("TELEGRAM_BOT", needs_human)
