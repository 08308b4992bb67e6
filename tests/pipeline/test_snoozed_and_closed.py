"""What wakes a conversation that is snoozed or closed, and who is told of customers that wait."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from shared.usecases.sweep import sweep
from tests.eventually import eventually
from tests.pipeline.hub import Hub


def _talk(hub: Hub) -> str:
    """A conversation into which can be sent."""
    hub.customer_writes(hub.telegram(), "hello")
    return hub.conversation().id


def _send(hub: Hub, conversation_id: str, text: str) -> None:
    body = {"conversationId": conversation_id, "text": text}
    hub.post("/api/messages/send", body, 202)


def test_snoozed_conversations_wake_up_and_waiting_customers_are_reported(hub: Hub) -> None:
    conversation_id = _talk(hub)
    until = (hub.deps.now() + timedelta(minutes=1)).isoformat()
    hub.patch(f"/api/conversations/{conversation_id}", {"status": "SNOOZED", "snoozedUntil": until, "priority": "HIGH"})
    assert hub.conversation().status == "snoozed"
    later = dataclasses.replace(hub.deps, now=lambda: hub.deps.now() + timedelta(minutes=6))
    sweep(later)
    assert hub.conversation().status == "open"
    sweep(later)
    sweep(later)
    alerts = hub.documents("notifications", type="session_alert")
    assert [(a["title"], a["message"]) for a in alerts] == [
        ("High Priority Session", "Customer waiting for 5+ minutes")
    ]


def test_a_snooze_can_be_moved_and_ends_with_an_answer(hub: Hub) -> None:
    conversation_id = _talk(hub)
    for hours in (2, 1):
        until = hub.deps.now() + timedelta(hours=hours)
        hub.patch(f"/api/conversations/{conversation_id}", {"status": "SNOOZED", "snoozedUntil": until.isoformat()})
        snoozed_until = hub.conversation().snoozed_until
        assert snoozed_until is not None
        assert abs(snoozed_until - until) < timedelta(seconds=1)
    hub.patch(f"/api/conversations/{conversation_id}", {"status": "SNOOZED"})
    assert hub.conversation().snoozed_until == snoozed_until
    _send(hub, conversation_id, "I am back")
    assert (hub.conversation().status, hub.conversation().snoozed_until) == ("open", None)


def test_the_time_alone_moves_a_snooze_and_begins_none(hub: Hub) -> None:
    path = f"/api/conversations/{_talk(hub)}"
    until = {"snoozedUntil": (hub.deps.now() + timedelta(hours=1)).isoformat()}
    assert list(hub.patch(path, until, 400)["fields"]) == ["snoozedUntil"]
    before = hub.patch(path, until | {"status": "SNOOZED"})["snoozedUntil"]
    later = {"snoozedUntil": (hub.deps.now() + timedelta(hours=2)).isoformat()}
    assert hub.patch(path, later)["snoozedUntil"] > before
    past = {"snoozedUntil": (hub.deps.now() - timedelta(hours=2)).isoformat()}
    assert list(hub.patch(path, past, 400)["fields"]) == ["snoozedUntil"]
    session = hub.client.put(
        f"/sessions/{hub.conversation().id}", json={"snoozed_until": past["snoozedUntil"]}, headers=hub.headers
    )
    assert (session.status_code, list((session.json or {})["fields"])) == (400, ["snoozed_until"])


def test_a_closed_conversation_is_opened_by_an_answer(hub: Hub) -> None:
    conversation_id = _talk(hub)
    hub.patch(f"/api/conversations/{conversation_id}", {"status": "CLOSED"})
    _send(hub, conversation_id, "one thing more")
    assert hub.conversation().status == "open"
    eventually(lambda: "one thing more" in hub.sent_texts())


def test_a_session_that_becomes_urgent_after_hours_is_reported_too(hub: Hub) -> None:
    conversation_id = _talk(hub)
    later = dataclasses.replace(hub.deps, now=lambda: hub.deps.now() + timedelta(hours=3))
    sweep(later)
    assert not hub.documents("notifications", type="session_alert")
    hub.patch(f"/api/conversations/{conversation_id}", {"priority": "URGENT"})
    sweep(later)
    sweep(later)
    assert len(hub.documents("notifications", type="session_alert")) == 1


def test_a_closed_conversation_is_followed_by_a_new_one(hub: Hub) -> None:
    channel_id = hub.telegram()
    hub.customer_writes(channel_id, "first")
    first = hub.conversation()
    hub.patch(f"/api/conversations/{first.id}", {"status": "CLOSED"})
    hub.customer_writes(channel_id, "second")
    eventually(lambda: len(hub.conversations()) == 2)
    answer = hub.client.patch(f"/api/conversations/{first.id}", json={"status": "OPEN"}, headers=hub.headers)
    assert answer.status_code == 409
