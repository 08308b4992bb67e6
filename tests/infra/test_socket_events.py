"""What clients in a room are told, in which form and which order."""

from __future__ import annotations

from datetime import timedelta
from queue import Empty
from typing import Any

import pytest

from functions.omnichat import wire
from functions.omnichat.realtime_schemas import CHANNEL_STATUS
from infra.sockets.server import SocketServer
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Principal, Role
from shared.domain.availability import Availability, Presence
from shared.domain.events import RealtimeEvent
from shared.domain.instances import InstanceStatus, PairingCode
from shared.domain.messages import Attachment, MessageKind
from shared.domain.notifications import Notification
from shared.domain.sla import SlaClock, SlaState, SlaTarget
from shared.http.times import milliseconds
from shared.ports.store import Create, Merge, Ref
from shared.usecases import realtime
from shared.usecases.accounts import availabilities
from tests.documents import MOMENT, a_message
from tests.eventually import eventually
from tests.infra.clients import Client, Connect, a_conversation, happens, stored_instance, token_for
from tests.infra.hosting import hosted


def _ids(channel: str) -> dict[str, str]:
    """What every event names its channel by."""
    return {"channelInstanceId": channel, "channelId": channel}


def test_a_code_to_scan_is_shown(deps: Deps, joined: Client) -> None:
    instance = stored_instance(deps, "other")
    instance.id = "i1"
    realtime.whatsapp_qr(deps, None, instance, PairingCode(text="2@abc", expires_at=MOMENT))
    assert joined.next() == ("whatsapp-qr", {**_ids("i1"), "qr": "2@abc", "expiresAt": "2026-03-01T12:30:15.123Z"})


def test_a_code_that_exists_only_as_a_picture_is_shown_as_one(deps: Deps, joined: Client) -> None:
    instance = stored_instance(deps, "other")
    instance.id = "i1"
    realtime.whatsapp_qr(deps, None, instance, PairingCode(png_base64="iVBO", expires_at=MOMENT))
    assert joined.next()[1]["qr"] == "data:image/png;base64,iVBO"


def test_connection_and_status_are_told(deps: Deps, joined: Client) -> None:
    instance = stored_instance(deps, "other")
    instance.id = "i1"
    realtime.channel_status(deps, None, instance, InstanceStatus.WAITING_FOR_SCAN)
    realtime.whatsapp_connected(deps, None, instance)
    assert joined.next() == ("channel-status", {**_ids("i1"), "status": "CONNECTING"})
    assert joined.next() == ("whatsapp-connected", {**_ids("i1"), "phoneNumber": None})


def test_a_connected_account_is_told_with_its_number(deps: Deps, joined: Client) -> None:
    instance = stored_instance(deps, "other")
    instance.id, instance.phone_number = "i1", "+491701234567"
    realtime.whatsapp_connected(deps, None, instance)
    assert joined.next() == ("whatsapp-connected", {**_ids("i1"), "phoneNumber": "+491701234567"})


@pytest.mark.parametrize(
    ("name", "payload", "further_name"),
    [
        ("channel-status", {"status": "connected"}, "channel-status-update"),
        ("whatsapp-qr", {"qr": "2@abc", "expires_at": MOMENT.isoformat()}, "whatsapp-qr-update"),
    ],
)
def test_what_the_front_end_calls_otherwise_is_told_under_both_names(
    deps: Deps, joined: Client, name: str, payload: dict[str, Any], further_name: str
) -> None:
    joined.io.on(further_name, lambda content: joined.came.put((further_name, content)))
    realtime.emit(deps, "t1", "i1", name, payload)
    first, second = joined.next(), joined.next()
    assert (first[0], second[0]) == (name, further_name)
    assert first[1] == second[1]


def test_who_joins_late_is_told_how_the_channel_stands_and_the_code_that_is_still_good(
    deps: Deps, client: Connect, joined: Client
) -> None:
    stored_instance(deps, "i2")
    until = deps.now().replace(microsecond=0) + timedelta(minutes=1)
    code = PairingCode(text="2@abc", expires_at=until)
    deps.store.commit([Merge(Ref("instances", "i2"), {"status": "waiting_for_scan", "pairing": code.model_dump()})])
    for event in ("join-channel", "joinChannel"):
        late = client(token_for(deps, "t1"))
        assert late.ask(event, "i2") == {"ok": True}
        assert late.next() == ("channel-status", {**_ids("i2"), "status": "CONNECTING"})
        assert late.next() == ("whatsapp-qr", {**_ids("i2"), "qr": "2@abc", "expiresAt": milliseconds(until)})
    assert joined.came.empty()


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "waiting_for_scan", "pairing": {"text": "2@abc", "png_base64": None, "expires_at": MOMENT}},
        {"status": "connected", "pairing": {"text": "2@abc", "png_base64": None, "expires_at": MOMENT.replace(2999)}},
    ],
)
def test_a_code_that_cannot_be_scanned_any_more_is_not_shown(
    deps: Deps, client: Connect, fields: dict[str, Any]
) -> None:
    stored_instance(deps)
    deps.store.commit([Merge(Ref("instances", "i1"), fields)])
    late = client(token_for(deps, "t1"))
    late.enter("i1")
    realtime.emit(deps, "t1", "i1", "whatsapp-connected", {})
    assert late.next()[0] == "whatsapp-connected"


def test_a_new_message_is_told_in_the_dialects_form(deps: Deps, joined: Client) -> None:
    photo = Attachment(type=MessageKind.IMAGE, mime_type="image/png", extra={"file_id": "F"})
    happens(realtime.message_created, deps, a_message(attachments=[photo], kind=MessageKind.IMAGE))
    name, payload = joined.next()
    assert name == "message-created"
    assert payload == {
        **_ids("i1"),
        "conversationId": "c1",
        "message": {
            "id": "m1",
            "conversationId": "c1",
            "channelInstanceId": "i1",
            "customerId": "p1",
            "direction": "INBOUND",
            "author": "CUSTOMER",
            "authorId": None,
            "authorName": "Ada",
            "type": "image",
            "text": "hello",
            "attachments": [
                {
                    "type": "image",
                    "mediaId": "m1-0",
                    "url": "/media/m1-0",
                    "mimeType": "image/png",
                    "extra": {"fileId": "F"},
                }
            ],
            "content": {},
            "versions": [],
            "reactions": {},
            "replyTo": None,
            "externalMessageId": None,
            "status": "received",
            "error": None,
            "sentAt": "2026-03-01T12:30:15.123Z",
            "createdAt": "2026-03-01T12:30:15.123Z",
            "editedAt": None,
            "deletedAt": None,
        },
    }


def test_a_changed_conversation_is_told_in_the_dialects_form(deps: Deps, joined: Client) -> None:
    happens(realtime.conversation_updated, deps, a_conversation())
    name, payload = joined.next()
    assert name == "conversation-updated"
    assert set(payload) == {"channelInstanceId", "channelId", "conversation"}
    assert payload["channelInstanceId"] == "i1"
    expected = {
        "id": "c1",
        "status": "OPEN",
        "lastMessageAt": "2026-03-01T12:30:15.123Z",
        "channelInstanceId": "i1",
        "channelType": "WHATSAPP",
        "customerId": "p1",
        "priority": "NORMAL",
        "assigneeId": "a1",
    }
    assert expected.items() <= payload["conversation"].items()


def test_a_conversation_of_which_only_a_part_is_known_is_told_whole(deps: Deps, joined: Client) -> None:
    stored = a_conversation()
    deps.store.commit([Create(Ref("conversations", stored.id), stored.model_dump())])
    happens(realtime.conversation_updated, deps, stored.model_copy(update={"assignee_id": None}), is_whole=False)
    assert joined.next()[1]["conversation"]["assigneeId"] == "a1"
    happens(
        realtime.conversation_updated,
        deps,
        stored.model_copy(update={"id": "gone", "assignee_id": None}),
        is_whole=False,
    )
    assert joined.next()[1]["conversation"]["id"] == "gone"


def _notification(id_: str, user_id: str | None = None) -> Notification:
    texts = {"title": "T", "message": "M"}
    return Notification(
        id=id_, tenant_id="t1", type="mention", user_id=user_id, conversation_id="c1", created_at=MOMENT, **texts
    )


def test_who_joins_the_tenant_hears_its_channels_and_the_notifications_that_are_for_them(
    deps: Deps, client: Connect
) -> None:
    agent, admin = client(token_for(deps, "t1", role=Role.AGENT)), client(token_for(deps, "t1"))
    stranger = client(token_for(deps, "t2"))
    for each in (agent, admin, stranger):
        assert each.ask("join-tenant") == {"ok": True}
    happens(realtime.notification_created, deps, _notification("for the agent", "agent-t1"))
    happens(realtime.notification_created, deps, _notification("for all"))
    name, payload = agent.next()
    assert name == "notification-created"
    assert payload["notification"] == {
        "id": "for the agent",
        "type": "mention",
        "title": "T",
        "message": "M",
        "conversationId": "c1",
        "isPersonal": True,
        "createdAt": "2026-03-01T12:30:15.123Z",
    }
    for each in (agent, admin):
        assert each.next()[1]["notification"]["id"] == "for all"
    happens(realtime.conversation_updated, deps, a_conversation())
    for each in (agent, admin):
        assert each.next()[0] == "conversation-updated"
    realtime.emit(deps, "t2", "i9", "whatsapp-connected", {})
    assert stranger.next()[0] == "whatsapp-connected"


def test_who_leaves_hears_nothing_more(deps: Deps, joined: Client) -> None:
    stored_instance(deps, "i2")
    joined.enter("i2")
    assert joined.ask("leave-channel", "i1") == {"ok": True}
    realtime.emit(deps, "t1", "i1", "whatsapp-connected", {})
    realtime.emit(deps, "t1", "i2", "whatsapp-connected", {})
    assert joined.next() == ("whatsapp-connected", {**_ids("i2"), "phoneNumber": None})
    with pytest.raises(Empty):
        joined.came.get(timeout=0.2)


def test_everybody_in_a_room_hears_it_once(deps: Deps, joined: Client, client: Connect) -> None:
    second = client(token_for(deps, "t1"))
    for _ in range(2):
        second.enter("i1")
    realtime.emit(deps, "t1", "i1", "whatsapp-connected", {})
    happens(realtime.message_created, deps, a_message())
    for each in (joined, second):
        assert [each.next()[0], each.next()[0]] == ["whatsapp-connected", "message-created"]


def test_events_of_a_room_keep_their_order(deps: Deps, joined: Client) -> None:
    for number in range(100):
        happens(realtime.message_created, deps, a_message(id=f"m{number}"))
    assert [joined.next()[1]["message"]["id"] for _ in range(100)] == [f"m{number}" for number in range(100)]


def test_an_event_without_a_form_is_dropped_and_holds_up_nothing(deps: Deps, joined: Client) -> None:
    realtime.emit(deps, "t1", "i1", "no-such-event", {})
    realtime.emit(deps, "t1", "i1", "message-created", {"message": {"id": "half"}})
    realtime.emit(deps, "t1", "i1", "whatsapp-connected", {})
    assert joined.next() == ("whatsapp-connected", {**_ids("i1"), "phoneNumber": None})


def test_delivering_to_nobody_or_to_a_closed_server_is_fine(deps: Deps) -> None:
    sockets = SocketServer(deps)
    event = RealtimeEvent(tenant_id="t1", room="i1", name="whatsapp-connected", payload={})
    sockets.deliver(event)
    with hosted(sockets):
        sockets.deliver(event)
    sockets.deliver(event)


@pytest.mark.parametrize("status", InstanceStatus)
def test_every_status_of_an_instance_has_one_of_four_words(status: InstanceStatus) -> None:
    event = RealtimeEvent(tenant_id="t1", room="i1", name="channel-status", payload={"status": status.value})
    assert wire.payload(event) == {**_ids("i1"), "status": CHANNEL_STATUS[status]}
    assert CHANNEL_STATUS[status] in {"DISCONNECTED", "CONNECTING", "CONNECTED", "ERROR"}


@pytest.mark.parametrize("key", ["whatsapp-1", "i1"])
def test_a_room_is_joined_and_left_by_the_channels_slug_too(deps: Deps, client: Connect, key: str) -> None:
    stored_instance(deps)
    connection = client(token_for(deps, "t1"))
    assert connection.ask("join-channel", key) == {"ok": True}
    assert connection.next()[0] == "channel-status"
    realtime.emit(deps, "t1", "i1", "whatsapp-connected", {})
    assert connection.next() == ("whatsapp-connected", {**_ids("i1"), "phoneNumber": None})
    assert connection.ask("leave-channel", key) == {"ok": True}
    realtime.emit(deps, "t1", "i1", "whatsapp-connected", {})
    with pytest.raises(Empty):
        connection.came.get(timeout=0.2)
    assert client(token_for(deps, "t2")).ask("join-channel", key)["ok"] is False


def test_people_are_told_who_writes(deps: Deps, joined: Client) -> None:
    joined.io.on("typing", lambda payload: joined.came.put(("typing", payload)))
    writer = Principal("t1", Role.AGENT, "u1", name="Carla")
    realtime.typing(deps, "i1", a_conversation(), writer)
    expected = {**_ids("i1"), "conversationId": "c1", "author": "HUMAN", "authorId": "u1", "authorName": "Carla"}
    assert joined.next() == ("typing", expected)


def test_what_is_due_is_told_with_its_conversation(deps: Deps, joined: Client) -> None:
    clock = SlaClock(
        target=SlaTarget.FIRST_ANSWER, since=MOMENT, warn_at=MOMENT, due_at=MOMENT, state=SlaState.BREACHED
    )
    happens(realtime.sla_changed, deps, a_conversation(), clock)
    name, payload = joined.next()
    assert name == "sla-changed"
    assert payload["conversation"]["id"] == a_conversation().id
    clock_fields = {name: payload[name] for name in ("target", "state", "dueAt")}
    assert clock_fields == {"target": "first_answer", "state": "breached", "dueAt": milliseconds(MOMENT)}


def test_a_person_is_online_while_a_page_of_theirs_is_connected(deps: Deps, client: Connect) -> None:
    unit = UnitOfWork(deps.store)
    unit.availabilities.add(Availability(id="admin-t1", tenant_id="t1"))
    unit.commit()
    client(token_for(deps, "t1", role=Role.ADMIN))
    assert eventually(lambda: availabilities.read(deps, "t1", "admin-t1").status is Presence.ONLINE)
