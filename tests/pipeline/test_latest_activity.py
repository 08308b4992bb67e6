"""Whatever is said in a session brings it to the top of the list; what is only changed does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.pipeline.manual_hub import ManualHub

Act = Callable[[ManualHub, str], object]


def _customer_writes(hub: ManualHub, session: str) -> None:
    hub.writes(hub.of(session).instance_id, "two")


def _person_answers(hub: ManualHub, session: str) -> None:
    hub.say(session, "hello")


def _machine_answers(hub: ManualHub, session: str) -> None:
    """And not the other customer, who waits no more."""
    hub.set_status(hub.others(session)[0].id, "CLOSED")
    hub.set_status(hub.others(session)[0].id, "OPEN")
    hub.echo_agent()
    hub.work()
    assert hub.sent_texts() == ["Echo: one"]


def _campaign_comes(hub: ManualHub, session: str) -> None:
    audience = {"customer_ids": [hub.of(session).customer_id]}
    body = {"name": "Sale", "channels": ["telegram_bot"], "message": "Sale!", "audience": audience}
    campaign_id = hub.post("/campaigns", body, 201)["campaign_id"]
    hub.post(f"/campaigns/{campaign_id}/launch", {}, 202)
    hub.tick()


def _call_is_noted(hub: ManualHub, session: str) -> None:
    body = {"customer_id": hub.of(session).customer_id, "channel_type": "telegram_bot", "initial_message": "They rang"}
    hub.post("/sessions/create", body)


def _moves(hub: ManualHub, session: str) -> None:
    hub.move(session)


def _is_assigned(hub: ManualHub, session: str) -> None:
    hub.patch(f"/api/conversations/{session}", {"assigneeId": "ann"})


def _is_taken_up(hub: ManualHub, session: str) -> None:
    body = {"customer_id": hub.of(session).customer_id, "channel_type": "telegram_bot"}
    hub.post("/sessions/create", body)


@pytest.fixture
def other(manual_hub: ManualHub, bot: str, session: str) -> str:
    """The id of a session that began after `session`."""
    manual_hub.overlaps.clock.advance(minutes=2)
    manual_hub.writes(bot, "later", chat=9)
    manual_hub.overlaps.clock.advance(minutes=2)
    return manual_hub.others(session)[0].id


def _listed(hub: ManualHub) -> list[str]:
    conversations: list[Any] = hub.get("/api/conversations")["conversations"]
    return [each["id"] for each in conversations]


@pytest.mark.parametrize(
    "act", [_customer_writes, _person_answers, _machine_answers, _campaign_comes, _call_is_noted, _moves]
)
def test_a_session_in_which_something_is_said_is_the_first_one(
    manual_hub: ManualHub, session: str, other: str, act: Act
) -> None:
    assert _listed(manual_hub) == [other, session]
    act(manual_hub, session)
    assert _listed(manual_hub) == [session, other]


@pytest.mark.parametrize("act", [_is_assigned, _is_taken_up])
def test_a_session_in_which_nothing_is_said_stays_in_its_place(
    manual_hub: ManualHub, session: str, other: str, act: Act
) -> None:
    act(manual_hub, session)
    assert _listed(manual_hub) == [other, session]
