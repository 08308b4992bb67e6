"""Realtime events show a conversation as it is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from functions.omnichat import wire
from shared.domain.events import RealtimeEvent, Topic
from shared.domain.inbound import ConnectionChanged
from shared.domain.instances import InstanceStatus
from shared.usecases import realtime
from shared.usecases.instances import connection_state, instance_lookup
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import Facebook, WhatsApp
from tests.stubs import Reply


def _answer(hub: ManualHub, session: str) -> None:
    hub.say(session, "hello")


def _answer_of_the_machine(hub: ManualHub, session: str) -> None:
    hub.echo_agent()
    hub.work()
    assert hub.sent_texts() == ["Echo: one"]


def _campaign(hub: ManualHub, session: str) -> None:
    audience = {"customer_ids": [hub.of(session).customer_id]}
    body = {"name": "Sale", "channels": ["telegram_bot"], "message": "Sale!", "audience": audience}
    campaign_id = hub.post("/campaigns", body, 201)["campaign_id"]
    hub.post(f"/campaigns/{campaign_id}/launch", {}, 202)
    hub.tick()


def _message_into_a_closed_session(hub: ManualHub, session: str) -> None:
    hub.set_status(session, "CLOSED")
    hub.say(session, "one thing more")


def _move(hub: ManualHub, session: str) -> None:
    hub.move(session, agent_id="ann")


def _note_of_a_call(hub: ManualHub, session: str) -> None:
    body = {"customer_id": hub.of(session).customer_id, "channel_type": "telegram_bot", "initial_message": "They rang"}
    hub.post("/sessions/create", body)


def _assignment(hub: ManualHub, session: str) -> None:
    hub.patch(f"/api/conversations/{session}", {"assigneeId": "ann", "priority": "HIGH"})


def _close(hub: ManualHub, session: str) -> None:
    hub.set_status(session, "CLOSED")


def _close_with_a_survey(hub: ManualHub, session: str) -> None:
    hub.patch(f"/api/channels/{hub.of(session).instance_id}", {"config": {"csat": True}})
    hub.set_status(session, "CLOSED")


def _sleep(hub: ManualHub, session: str) -> None:
    hub.snooze(session)


def _sleep_and_wake(hub: ManualHub, session: str) -> None:
    hub.snooze(session)
    hub.overlaps.clock.advance(minutes=6)
    hub.tick()


@pytest.mark.parametrize(
    "act",
    [
        _answer,
        _answer_of_the_machine,
        _campaign,
        _message_into_a_closed_session,
        _move,
        _note_of_a_call,
        _assignment,
        _close,
        _close_with_a_survey,
        _sleep,
        _sleep_and_wake,
    ],
)
def test_clients_are_told_the_session_as_it_is_stored(
    manual_hub: ManualHub, session: str, act: Callable[[ManualHub, str], None]
) -> None:
    manual_hub.work(Topic.REALTIME)
    event_count = len(manual_hub.realtime)
    act(manual_hub, session)
    manual_hub.work()
    sessions: list[Any] = [
        event.payload["conversation"]
        for event in manual_hub.realtime[event_count:]
        if event.name == "conversation-updated"
    ]
    assert sessions[-1] == manual_hub.of(session).model_dump(mode="json")


@pytest.mark.parametrize("act", [_answer, _answer_of_the_machine, _campaign, _close_with_a_survey, _move])
def test_clients_are_told_of_each_message_once(
    manual_hub: ManualHub, session: str, act: Callable[[ManualHub, str], None]
) -> None:
    manual_hub.work(Topic.REALTIME)
    event_count = len(manual_hub.realtime)
    act(manual_hub, session)
    manual_hub.work()
    ids = [
        event.payload["message"]["id"] for event in manual_hub.realtime[event_count:] if event.name == "message-created"
    ]
    assert ids == [manual_hub.messages()[-1].id]


def _told_updates(hub: ManualHub) -> list[Any]:
    """The messages of the `message-updated` events since the last look, as clients see them."""
    events = [event for event in hub.new_events(Topic.REALTIME) if isinstance(event, RealtimeEvent)]
    updates = [event for event in events if event.name == "message-updated"]
    return [realtime.completed(hub.deps, event).payload["message"] for event in updates]


def test_clients_are_told_that_a_message_was_sent_delivered_and_read(manual_hub: ManualHub) -> None:
    hub, shop = manual_hub, WhatsApp.of(manual_hub)
    shop.writes("hello")
    shop.takes_as("OUT-1")
    hub.say(hub.conversation().id, "hi")
    hub.work()
    assert [message["status"] for message in _told_updates(hub)] == ["sent"]
    for receipt in ("DELIVERY_ACK", "DELIVERY_ACK", "READ"):
        shop.reports("OUT-1", receipt)
    assert [message["status"] for message in _told_updates(hub)] == ["delivered", "read"]


def test_clients_are_told_of_each_message_that_a_watermark_marks(manual_hub: ManualHub) -> None:
    hub, page = manual_hub, Facebook.of(manual_hub)
    page.writes("hello")
    for text in ("one", "two"):
        page.takes_as(f"m-{text}")
        hub.say(hub.conversation().id, text)
        hub.work()
    _told_updates(hub)
    read_until = round(hub.deps.now().timestamp() * 1000) + 1000
    page.brings(read={"watermark": read_until})
    assert sorted((each["text"], each["status"]) for each in _told_updates(hub)) == [("one", "read"), ("two", "read")]
    page.brings(read={"watermark": read_until})
    assert _told_updates(hub) == []


def test_clients_are_told_that_a_message_was_not_sent_and_that_it_is_tried_again(
    manual_hub: ManualHub, session: str
) -> None:
    hub = manual_hub
    hub.provider.on("POST", "/sendMessage", Reply(400, {"ok": False, "description": "Bad Request: no"}), times=1)
    item = hub.say(session, "hello")["queue"]
    hub.work()
    [message] = _told_updates(hub)
    assert message["status"] == "dead"
    assert "notification-created" in [event.name for event in hub.realtime]
    hub.post(f"/api/outbox/{item['id']}/redrive", {}, 202)
    hub.work()
    assert _told_updates(hub)[-1]["status"] == "sent"


def _told_conversations(hub: ManualHub) -> list[Any]:
    """The conversations of the `conversation-updated` events since the last look, as clients see them."""
    events = [event for event in hub.new_events(Topic.REALTIME) if isinstance(event, RealtimeEvent)]
    updates = [event for event in events if event.name == "conversation-updated"]
    return [wire.payload(realtime.completed(hub.deps, event))["conversation"] for event in updates]


def test_clients_are_told_of_a_customer_who_is_renamed_merged_and_parted_again(
    manual_hub: ManualHub, session: str
) -> None:
    customer_id = manual_hub.of(session).customer_id
    ada = manual_hub.post("/api/customers", {"name": "Ada"}, 201)["id"]
    manual_hub.new_events(Topic.REALTIME)

    manual_hub.patch(f"/api/customers/{customer_id}", {"email": "bob@example.com"})
    assert _told_conversations(manual_hub) == [], "no list shows that"

    manual_hub.patch(f"/api/customers/{customer_id}", {"name": "Bob"})
    [conversation] = _told_conversations(manual_hub)
    assert (conversation["id"], conversation["customerName"]) == (session, "Bob")

    merge = manual_hub.post(f"/api/customers/{ada}/merge", {"sourceId": customer_id})["mergeId"]
    assert [(each["customerId"], each["customerName"]) for each in _told_conversations(manual_hub)] == [(ada, "Ada")]

    manual_hub.post(f"/api/customers/{ada}/unmerge", {"mergeId": merge})
    conversation = _told_conversations(manual_hub)[-1]
    assert (conversation["customerId"], conversation["customerName"]) == (customer_id, "Bob")


def test_people_are_told_that_a_channel_was_disconnected(manual_hub: ManualHub, whatsapp: str) -> None:
    instance = instance_lookup.find_cached(manual_hub.deps, instance_id=whatsapp)
    assert instance is not None
    manual_hub.new_events(Topic.REALTIME)
    for status in (InstanceStatus.CONNECTED, InstanceStatus.DISCONNECTED):
        connection_state.apply_connection(manual_hub.deps, instance, ConnectionChanged(status=status))
    events = [cast("RealtimeEvent", event) for event in manual_hub.new_events(Topic.REALTIME)]
    [alert] = [event for event in events if event.name == "notification-created"]
    assert alert.payload["notification"]["title"] == "Channel Disconnected"


def test_a_message_of_a_person_names_them(manual_hub: ManualHub, session: str) -> None:
    hub = manual_hub
    hub.new_events(Topic.REALTIME)
    assert hub.say(session, "hello")["message"]["authorName"] == "owner@example.com"
    [created] = [event for event in hub.new_events(Topic.REALTIME) if getattr(event, "name", "") == "message-created"]
    assert created.model_dump()["payload"]["message"]["author_name"] == "owner@example.com"


def test_clients_are_told_who_comes_and_goes(manual_hub: ManualHub) -> None:
    hub = manual_hub
    path = f"/api/users/{hub.get('/api/auth/me')['user']['id']}/availability"
    for status in ("online", "online", "away", "offline"):
        hub.put(path, {"status": status})
    events = [event for event in hub.new_events(Topic.REALTIME) if isinstance(event, RealtimeEvent)]
    payloads = [wire.payload(event) for event in events if event.name == "presence"]
    assert [payload["status"] for payload in payloads] == ["online", "away", "offline"]
