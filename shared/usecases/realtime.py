"""Events for joined clients. A room is an instance; the socket server gives each event its wire form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Principal
from shared.domain.availability import Availability
from shared.domain.calls import Call
from shared.domain.campaigns import Campaign
from shared.domain.conversations import Conversation
from shared.domain.customers import Customer, Identity
from shared.domain.erasures import Erasure
from shared.domain.event_log import EventTopic
from shared.domain.events import RealtimeEvent, Topic
from shared.domain.instances import ChannelType, Instance, InstanceStatus, PairingCode
from shared.domain.messages import Author, Message
from shared.domain.notifications import Notification
from shared.domain.outbox import OutboxItem
from shared.domain.ratings import Rating
from shared.domain.sla import SlaClock
from shared.domain.webhook_endpoints import WebhookDelivery
from shared.logs import current_trace
from shared.usecases import connection_waits, event_log
from shared.usecases.event_log import Subject

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
CUSTOMER_CREATED = "customer-created"
CUSTOMER_UPDATED = "customer-updated"
CUSTOMER_ERASED = "customer-erased"
RATING_CHANGED = "rating-changed"

NOTIFICATIONS, CAMPAIGNS, CALLS, PEOPLE, CUSTOMERS = "notifications", "campaigns", "calls", "people", "customers"
"""The rooms of a tenant's notifications, campaigns, calls, people and customers, which are no instance's."""

FOR_DASHBOARDS = frozenset({CAMPAIGN_UPDATED, CALL_CHANGED})
"""The events that only dashboards are told."""

FOR_FOLLOWERS = frozenset({CUSTOMER_CREATED, CUSTOMER_UPDATED, CUSTOMER_ERASED, RATING_CHANGED})
"""The events that only those are told who follow all that happens: by a cursor, or at a webhook endpoint."""

KEPT = FOR_FOLLOWERS | {
    MESSAGE_CREATED,
    MESSAGE_UPDATED,
    CONVERSATION_UPDATED,
    NEEDS_HUMAN,
    SLA_CHANGED,
    NOTIFICATION_CREATED,
    CHANNEL_STATUS,
    CAMPAIGN_UPDATED,
}
"""The events that a client gets later which was not connected."""

STANDING = frozenset({CHANNEL_STATUS, WHATSAPP_QR, WHATSAPP_CONNECTED})
"""The events about the state of an instance's connection."""


_NOBODYS = Subject(None, "")
"""What no webhook endpoint is told."""


@dataclass(frozen=True, slots=True)
class _Happening:
    """What is told: the event's name, its room and payload, and what it is about."""

    tenant_id: str
    room: str
    name: str
    payload: Mapping[str, Any]
    subject: Subject = _NOBODYS


def emit(deps: Deps, tenant_id: str, room: str, name: str, payload: Mapping[str, Any]) -> None:
    """Publish an event for everybody in `room` at once; one room's events keep their order."""
    _tell(deps, None, lambda: _Happening(tenant_id, room, name, payload))


def _tell(
    deps: Deps, unit: UnitOfWork | None, happening: Callable[[], _Happening], *, is_kept_before: bool = False
) -> None:
    """Publish an event once the unit is committed, and keep it in that commit if it is to be kept.

    Without a unit both are done at once. With `is_kept_before` an earlier commit has kept the event, and its process
    may have died before it published it.
    """
    event: RealtimeEvent | None = None
    deliveries: list[WebhookDelivery] = []
    at_once = unit is None
    unit = unit or UnitOfWork(deps.store)

    def keep() -> None:
        nonlocal event
        what = happening()
        is_kept = what.name in KEPT and event_log.is_kept(deps, what.tenant_id)
        if not is_kept and what.name in FOR_FOLLOWERS:
            return
        event = _event(what).model_copy(update={"is_kept": is_kept})
        if is_kept and not is_kept_before:
            deliveries.extend(event_log.add(deps, unit, event, what.subject))

    def publish() -> None:
        if event is not None:
            _publish(deps, event, deliveries)

    unit.before_commit(keep)
    unit.after_commit(publish)
    if at_once:
        unit.commit()
        unit.run_after_commit()


def _event(what: _Happening) -> RealtimeEvent:
    trace = current_trace()
    return RealtimeEvent(
        tenant_id=what.tenant_id,
        room=what.room,
        name=what.name,
        payload=dict(what.payload),
        request_id=trace.request_id if trace else None,
        traceparent=trace.traceparent if trace else None,
    )


def _publish(deps: Deps, event: RealtimeEvent, deliveries: list[WebhookDelivery]) -> None:
    deps.bus.publish(Topic.REALTIME, event, key=event.room)
    event_log.wake(deps, deliveries)


def message_created(deps: Deps, unit: UnitOfWork | None, message: Message, *, is_kept_before: bool = False) -> None:
    """Payload: `conversation_id` and the whole `message` in the domain's form. `is_kept_before` after a crash."""
    _tell(deps, unit, lambda: _message(message, MESSAGE_CREATED, EventTopic.MESSAGE), is_kept_before=is_kept_before)


def message_updated(
    deps: Deps, unit: UnitOfWork | None, message: Message, topic: EventTopic = EventTopic.MESSAGE
) -> None:
    """A message was edited, deleted or reacted to, or has another status (`topic`).

    The payload is that of `message_created`.
    """
    _tell(deps, unit, lambda: _message(message, MESSAGE_UPDATED, topic))


def message_status_changed(deps: Deps, unit: UnitOfWork | None, item: OutboxItem) -> None:
    """As `message_updated`, by who has sent an item and has not read its message: `completed` reads it."""
    payload = {"conversation_id": item.conversation_id, "message": {"id": item.id}, "is_whole": False}
    subject = Subject(EventTopic.STATUS, item.conversation_id)
    _tell(deps, unit, lambda: _Happening(item.tenant_id, item.instance_id, MESSAGE_UPDATED, payload, subject))


def _message(message: Message, name: str, topic: EventTopic) -> _Happening:
    payload = {"conversation_id": message.conversation_id, "message": message.model_dump(mode="json")}
    return _Happening(message.tenant_id, message.instance_id, name, payload, Subject(topic, message.conversation_id))


def conversation_updated(
    deps: Deps,
    unit: UnitOfWork | None,
    conversation: Conversation,
    *,
    is_whole: bool = True,
    is_kept_before: bool = False,
) -> None:
    """Payload: the `conversation` in the domain's form, and whether it is the whole one.

    Who stores a message has not read it: whoever tells clients of it reads it then (`completed`).
    """
    further = {"is_whole": is_whole}
    _tell(
        deps, unit, lambda: _conversation(conversation, CONVERSATION_UPDATED, **further), is_kept_before=is_kept_before
    )


def open_conversation_updated(deps: Deps, unit: UnitOfWork | None, identity: Identity) -> None:
    """As `conversation_updated`, of the one that is open at an address, by who has not read it: `completed` does."""
    conversation_id = identity.conversation_id or ""
    payload = {"conversation": {"id": conversation_id}, "is_whole": False}
    subject = Subject(EventTopic.CONVERSATION, conversation_id)
    _tell(
        deps,
        unit,
        lambda: _Happening(identity.tenant_id, identity.instance_id, CONVERSATION_UPDATED, payload, subject),
    )


def _conversation(conversation: Conversation, name: str, **further: Any) -> _Happening:
    payload = {"conversation": conversation.model_dump(mode="json")} | further
    subject = Subject(EventTopic.CONVERSATION, conversation.id)
    return _Happening(conversation.tenant_id, conversation.instance_id, name, payload, subject)


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


def conversation_moved(
    deps: Deps, unit: UnitOfWork | None, conversation: Conversation, former_instance_id: str
) -> None:
    """Tell the room that the conversation has left, with the payload of `conversation_updated`."""
    _tell(
        deps,
        unit,
        lambda: replace(
            _conversation(conversation, CONVERSATION_UPDATED),
            room=former_instance_id,
            subject=Subject(None, conversation.id),
        ),
    )


def needs_human(deps: Deps, unit: UnitOfWork | None, conversation: Conversation, reason: str) -> None:
    """A person is to answer; the payload is that of `conversation_updated`, and `reason`, in words for people."""
    _tell(deps, unit, lambda: _conversation(conversation, NEEDS_HUMAN, reason=reason))


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


def sla_changed(deps: Deps, unit: UnitOfWork | None, conversation: Conversation, clock: SlaClock) -> None:
    """An answer, or the end of the conversation, is soon due or overdue.

    The payload is that of `conversation_updated`, and the `clock` in the domain's form.
    """
    _tell(deps, unit, lambda: _conversation(conversation, SLA_CHANGED, clock=clock.model_dump(mode="json")))


def notification_created(deps: Deps, unit: UnitOfWork | None, notification: Notification) -> None:
    """Payload: the whole `notification` in the domain's form. One for a person alone is told to that person alone."""
    topic = EventTopic.NOTIFICATION if notification.user_id is None else None

    def happening() -> _Happening:
        payload = {"notification": notification.model_dump(mode="json")}
        subject = Subject(topic, notification.conversation_id or notification.id)
        return _Happening(notification.tenant_id, NOTIFICATIONS, NOTIFICATION_CREATED, payload, subject)

    _tell(deps, unit, happening)


def addressee(event: RealtimeEvent) -> str | None:
    """The user whom alone an event is for."""
    return event.payload["notification"].get("user_id") if event.name == NOTIFICATION_CREATED else None


def campaign_updated(deps: Deps, unit: UnitOfWork | None, campaign: Campaign) -> None:
    """A campaign was launched, or some of it was sent.

    Payload: the `campaign` in the domain's form, without what it says and to whom.
    """

    def happening() -> _Happening:
        left_out = {"audience", "settings", "message", "progress"}
        payload = {"campaign": campaign.model_dump(mode="json", exclude=left_out)}
        subject = Subject(EventTopic.CAMPAIGN, campaign.id)
        return _Happening(campaign.tenant_id, CAMPAIGNS, CAMPAIGN_UPDATED, payload, subject)

    _tell(deps, unit, happening)


def call_changed(deps: Deps, unit: UnitOfWork | None, call: Call, conversation: Conversation | None) -> None:
    """A call began, was taken or ended. Payload: the `call` and its `conversation`, both in the domain's form."""

    def happening() -> _Happening:
        payload = {
            "call": call.model_dump(mode="json"),
            "conversation": conversation.model_dump(mode="json") if conversation else None,
        }
        return _Happening(call.tenant_id, CALLS, CALL_CHANGED, payload)

    _tell(deps, unit, happening)


def customer_created(deps: Deps, unit: UnitOfWork | None, customer: Customer) -> None:
    """Payload: the whole `customer` in the domain's form."""
    _tell(deps, unit, lambda: _customer(customer, CUSTOMER_CREATED))


def customer_updated(deps: Deps, unit: UnitOfWork | None, customer: Customer) -> None:
    """The payload is that of `customer_created`."""
    _tell(deps, unit, lambda: _customer(customer, CUSTOMER_UPDATED))


def _customer(customer: Customer, name: str) -> _Happening:
    payload = {"customer": customer.model_dump(mode="json")}
    return _Happening(customer.tenant_id, CUSTOMERS, name, payload, Subject(EventTopic.CUSTOMER, customer.id))


def customer_erased(deps: Deps, unit: UnitOfWork | None, erasure: Erasure) -> None:
    """Nothing of a customer is left. Payload: `customer_id`, `erasure_id` and `finished_at`."""

    def happening() -> _Happening:
        finished_at = erasure.finished_at.isoformat() if erasure.finished_at else None
        payload = {"customer_id": erasure.customer_id, "erasure_id": erasure.id, "finished_at": finished_at}
        subject = Subject(EventTopic.CUSTOMER, erasure.customer_id)
        return _Happening(erasure.tenant_id, CUSTOMERS, CUSTOMER_ERASED, payload, subject)

    _tell(deps, unit, happening)


def rating_changed(deps: Deps, unit: UnitOfWork | None, rating: Rating) -> None:
    """A customer has rated a conversation, or rates it anew. Payload: the `rating` in the domain's form."""

    def happening() -> _Happening:
        subject = Subject(EventTopic.CSAT, rating.id)
        payload = {"rating": rating.model_dump(mode="json")}
        return _Happening(rating.tenant_id, rating.instance_id, RATING_CHANGED, payload, subject)

    _tell(deps, unit, happening)


def channel_status(deps: Deps, unit: UnitOfWork | None, instance: Instance, status: InstanceStatus) -> None:
    """Without a unit call it after the state is stored: requests of this process that wait for it read the store."""
    subject, payload = Subject(EventTopic.CHANNEL, instance.id), {"status": status.value}
    _after(unit, lambda: connection_waits.wake(instance.id))
    _tell(deps, unit, lambda: _Happening(instance.tenant_id, instance.id, CHANNEL_STATUS, payload, subject))


def _after(unit: UnitOfWork | None, action: Callable[[], object]) -> None:
    if unit is None:
        action()
    else:
        unit.after_commit(action)


def whatsapp_qr(deps: Deps, unit: UnitOfWork | None, instance: Instance, pairing: PairingCode) -> None:
    """Payload: `qr` is the raw text to render (or a PNG data URI when the provider gave no text), and `expires_at`.

    Without a unit call it after the code is stored, as `channel_status`.
    """
    _after(unit, lambda: connection_waits.wake(instance.id))
    _tell(deps, unit, lambda: _Happening(instance.tenant_id, instance.id, WHATSAPP_QR, _code(pairing)))


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


def whatsapp_connected(deps: Deps, unit: UnitOfWork | None, instance: Instance) -> None:
    """Payload: `phone_number`, that of the account, where it is known."""
    payload = {"phone_number": instance.phone_number}
    _tell(deps, unit, lambda: _Happening(instance.tenant_id, instance.id, WHATSAPP_CONNECTED, payload))
