"""Events for joined clients. A room is an instance; the socket server gives each event its wire form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Principal
from shared.domain.availability import Availability
from shared.domain.calls import Call
from shared.domain.campaigns import Campaign
from shared.domain.conversations import Conversation
from shared.domain.customers import Identity
from shared.domain.events import RealtimeEvent, Topic
from shared.domain.instances import ChannelType, Instance, InstanceStatus, PairingCode
from shared.domain.messages import Author, Message
from shared.domain.notifications import Notification
from shared.domain.outbox import OutboxItem
from shared.domain.sla import SlaClock
from shared.logs import current_trace
from shared.usecases import connection_waits, event_log

MESSAGE_CREATED = "message-created"
MESSAGE_UPDATED = "message-updated"
CONVERSATION_UPDATED = "conversation-updated"
NEEDS_HUMAN = "needs-human"
CHANNEL_STATUS = "channel-status"
WHATSAPP_QR = "whatsapp-qr"
WHATSAPP_CONNECTED = "whatsapp-connected"
NOTIFICATION_CREATED = "notification-created"
CAMPAIGN_UPDATED = "campaign-updated"
CALL_CHANGED = "call-changed"
TYPING = "typing"
PRESENCE = "presence"
SLA_CHANGED = "sla-changed"

NOTIFICATIONS, CAMPAIGNS, CALLS, PEOPLE = "notifications", "campaigns", "calls", "people"
"""The rooms of a tenant's notifications, campaigns, calls and people, which are no instance's."""

FOR_DASHBOARDS = frozenset({CAMPAIGN_UPDATED, CALL_CHANGED})
"""The events that only dashboards are told."""

KEPT = frozenset(
    {MESSAGE_CREATED, MESSAGE_UPDATED, CONVERSATION_UPDATED, NEEDS_HUMAN, SLA_CHANGED, NOTIFICATION_CREATED}
)
"""The events that a client gets later which was not connected. How a channel stands is told to whoever joins it."""

STANDING = frozenset({CHANNEL_STATUS, WHATSAPP_QR, WHATSAPP_CONNECTED})
"""The events about the state of an instance's connection."""


def emit(deps: Deps, tenant_id: str, room: str, name: str, payload: Mapping[str, Any]) -> None:
    """Publish an event for everybody in `room`, which nobody gets later; one room's events keep their order."""
    _publish(deps, _event(tenant_id, room, name, payload))


def tell(deps: Deps, unit: UnitOfWork, compose: Callable[[], RealtimeEvent], *, is_kept_before: bool = False) -> None:
    """Publish an event once the unit is committed, and keep it in that commit where somebody follows the tenant's.

    It is composed when all else is decided. One that is `is_kept_before` was kept with an earlier commit, whose process
    may have died before it published it.
    """
    events: list[RealtimeEvent] = []

    def write_down() -> None:
        event = compose()
        if event.name in KEPT and event_log.is_kept(deps, event.tenant_id):
            event = event.model_copy(update={"is_kept": True})
            if not is_kept_before:
                event_log.add(deps, unit, event)
        events.append(event)

    unit.before_commit(write_down)
    unit.after_commit(lambda: _publish(deps, events[-1]))


def _event(tenant_id: str, room: str, name: str, payload: Mapping[str, Any]) -> RealtimeEvent:
    trace = current_trace()
    return RealtimeEvent(
        tenant_id=tenant_id,
        room=room,
        name=name,
        payload=dict(payload),
        request_id=trace.request_id if trace else None,
        traceparent=trace.traceparent if trace else None,
    )


def _publish(deps: Deps, event: RealtimeEvent) -> None:
    deps.bus.publish(Topic.REALTIME, event, key=event.room)


def message_created(deps: Deps, unit: UnitOfWork, message: Message, *, is_kept_before: bool = False) -> None:
    """Payload: `conversation_id` and the whole `message` in the domain's form."""
    tell(deps, unit, lambda: _of_message(message, MESSAGE_CREATED), is_kept_before=is_kept_before)


def message_updated(deps: Deps, unit: UnitOfWork, message: Message) -> None:
    """A message has another status, was edited, deleted or reacted to; the payload is that of `message_created`."""
    tell(deps, unit, lambda: _of_message(message, MESSAGE_UPDATED))


def message_status_changed(deps: Deps, unit: UnitOfWork, item: OutboxItem) -> None:
    """As `message_updated`, by who has sent an item and has not read its message: `completed` reads it."""
    payload = {"conversation_id": item.conversation_id, "message": {"id": item.id}, "is_whole": False}
    tell(deps, unit, lambda: _event(item.tenant_id, item.instance_id, MESSAGE_UPDATED, payload))


def _of_message(message: Message, name: str) -> RealtimeEvent:
    payload = {"conversation_id": message.conversation_id, "message": message.model_dump(mode="json")}
    return _event(message.tenant_id, message.instance_id, name, payload)


def conversation_updated(
    deps: Deps, unit: UnitOfWork, conversation: Conversation, *, is_whole: bool = True, is_kept_before: bool = False
) -> None:
    """Payload: the `conversation` in the domain's form, and whether it is the whole one.

    Who stores a message has not read it: whoever tells clients of it reads it then (`completed`).
    """
    tell(
        deps,
        unit,
        lambda: _of_conversation(conversation, CONVERSATION_UPDATED, is_whole=is_whole),
        is_kept_before=is_kept_before,
    )


def open_conversation_updated(deps: Deps, unit: UnitOfWork, identity: Identity) -> None:
    """As `conversation_updated`, of the one that is open at an address, by who has not read it: `completed` does."""
    payload = {"conversation": {"id": identity.conversation_id}, "is_whole": False}
    tell(deps, unit, lambda: _event(identity.tenant_id, identity.instance_id, CONVERSATION_UPDATED, payload))


def _of_conversation(
    conversation: Conversation, name: str, room: str | None = None, **further: object
) -> RealtimeEvent:
    payload = {"conversation": conversation.model_dump(mode="json"), **further}
    return _event(conversation.tenant_id, room or conversation.instance_id, name, payload)


def completed(deps: Deps, event: RealtimeEvent) -> RealtimeEvent:
    """The event with the whole message or conversation, as it is now, where it has only a part; costs a read then."""
    if event.payload.get("is_whole", True):
        return event
    unit = UnitOfWork(deps.store)
    subject: Message | Conversation | None
    if event.name == MESSAGE_UPDATED:
        name, subject = "message", unit.messages.owned_or_none(event.tenant_id, event.payload["message"]["id"])
    else:
        conversation_id = event.payload["conversation"]["id"]
        name, subject = "conversation", unit.conversations.owned_or_none(event.tenant_id, conversation_id)
    if subject is None:
        return event
    payload = {name: value for name, value in event.payload.items() if name != "is_whole"}
    return event.model_copy(update={"payload": payload | {name: subject.model_dump(mode="json")}})


def conversation_moved(deps: Deps, unit: UnitOfWork, conversation: Conversation, former_instance_id: str) -> None:
    """Tell the room that the conversation has left, with the payload of `conversation_updated`."""
    tell(deps, unit, lambda: _of_conversation(conversation, CONVERSATION_UPDATED, former_instance_id))


def needs_human(deps: Deps, unit: UnitOfWork, conversation: Conversation, reason: str) -> None:
    """A person is to answer; the payload is that of `conversation_updated`, and `reason`, in words for people."""
    tell(deps, unit, lambda: _of_conversation(conversation, NEEDS_HUMAN, reason=reason))


def typing(deps: Deps, instance_id: str, where: Conversation | Identity, writer: Principal | None) -> None:
    """Somebody writes in a conversation now: a person of the business, else the customer at an address.

    Payload: `conversation_id`, and `author`, `author_id` and `author_name`.
    """
    payload = {
        "conversation_id": where.conversation_id if isinstance(where, Identity) else where.id,
        "author": (Author.HUMAN if writer else Author.CUSTOMER).value,
        "author_id": writer.user_id if writer else where.customer_id,
        "author_name": writer.name if writer else None,
    }
    emit(deps, where.tenant_id, instance_id, TYPING, payload)


def presence_changed(deps: Deps, availability: Availability) -> None:
    """A person of the business came, went, or is away. Payload: `user_id` and `status`."""
    payload = {"user_id": availability.id, "status": availability.status.value}
    emit(deps, availability.tenant_id, PEOPLE, PRESENCE, payload)


def sla_changed(deps: Deps, unit: UnitOfWork, conversation: Conversation, clock: SlaClock) -> None:
    """An answer, or the end of the conversation, is soon due or overdue.

    The payload is that of `conversation_updated`, and the `clock` in the domain's form.
    """
    tell(deps, unit, lambda: _of_conversation(conversation, SLA_CHANGED, clock=clock.model_dump(mode="json")))


def notification_created(deps: Deps, unit: UnitOfWork, notification: Notification) -> None:
    """Payload: the whole `notification` in the domain's form."""
    payload = {"notification": notification.model_dump(mode="json")}
    tell(deps, unit, lambda: _event(notification.tenant_id, NOTIFICATIONS, NOTIFICATION_CREATED, payload))


def addressee(event: RealtimeEvent) -> str | None:
    """The user whom alone an event is for."""
    return event.payload["notification"].get("user_id") if event.name == NOTIFICATION_CREATED else None


def campaign_updated(deps: Deps, campaign: Campaign) -> None:
    """A campaign was launched, or some of it was sent.

    Payload: the `campaign` in the domain's form, without what it says and to whom.
    """
    payload = {"campaign": campaign.model_dump(mode="json", exclude={"audience", "settings", "message", "progress"})}
    emit(deps, campaign.tenant_id, CAMPAIGNS, CAMPAIGN_UPDATED, payload)


def call_changed(deps: Deps, call: Call, conversation: Conversation | None) -> None:
    """A call began, was taken or ended. Payload: the `call` and its `conversation`, both in the domain's form."""
    payload = {
        "call": call.model_dump(mode="json"),
        "conversation": conversation.model_dump(mode="json") if conversation else None,
    }
    emit(deps, call.tenant_id, CALLS, CALL_CHANGED, payload)


def channel_status(deps: Deps, instance: Instance, status: InstanceStatus) -> None:
    """Call it after the state is stored: requests of this process that wait for it read the store then."""
    connection_waits.wake(instance.id)
    emit(deps, instance.tenant_id, instance.id, CHANNEL_STATUS, {"status": status.value})


def whatsapp_qr(deps: Deps, instance: Instance, pairing: PairingCode) -> None:
    """Payload: `qr` is the raw text to render (or a PNG data URI when the provider gave no text), and `expires_at`.

    Call it after the code is stored, as `channel_status`.
    """
    connection_waits.wake(instance.id)
    emit(deps, instance.tenant_id, instance.id, WHATSAPP_QR, _code(pairing))


def _code(pairing: PairingCode) -> dict[str, str]:
    qr = pairing.text or f"data:image/png;base64,{pairing.png_base64}"
    return {"qr": qr, "expires_at": pairing.expires_at.isoformat()}


def missed(instance: Instance, code: PairingCode | None) -> list[RealtimeEvent]:
    """The events that a client who joins the room now has missed: the status, and a code that can still be scanned."""
    payloads: dict[str, Mapping[str, Any]] = {CHANNEL_STATUS: {"status": instance.status.value}}
    if code is not None and instance.type is ChannelType.WHATSAPP:
        payloads[WHATSAPP_QR] = _code(code)
    return [
        RealtimeEvent(tenant_id=instance.tenant_id, room=instance.id, name=name, payload=dict(payload))
        for name, payload in payloads.items()
    ]


def whatsapp_connected(deps: Deps, instance: Instance) -> None:
    """Payload: `phone_number`, that of the account, where it is known."""
    emit(deps, instance.tenant_id, instance.id, WHATSAPP_CONNECTED, {"phone_number": instance.phone_number})
