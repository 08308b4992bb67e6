"""From the hub's realtime events to the payloads that OmniChat clients listen for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from functions.omnichat.realtime_schemas import CHANNEL_STATUS, ConversationOut, MessageOut, NoticeOut
from shared.channels.widget.outbound import EVENT as VISITOR_MESSAGE
from shared.channels.widget.outbound import TYPING as VISITOR_TYPING
from shared.domain.conversations import Conversation
from shared.domain.customers import Customer
from shared.domain.events import RealtimeEvent
from shared.domain.instances import InstanceStatus
from shared.domain.messages import Message
from shared.domain.notifications import Notification
from shared.domain.ratings import Rating
from shared.domain.sla import SlaClock
from shared.http.times import milliseconds
from shared.usecases import realtime

Payload: TypeAlias = dict[str, Any]


def _channel(event: RealtimeEvent) -> Payload:
    return {"channelInstanceId": event.room, "channelId": event.room}


def _whatsapp_qr(event: RealtimeEvent) -> Payload:
    expires_at = datetime.fromisoformat(event.payload["expires_at"])
    return {"qr": event.payload["qr"], "expiresAt": milliseconds(expires_at)} | _channel(event)


def _whatsapp_connected(event: RealtimeEvent) -> Payload:
    # An event of an earlier version does not say the number.
    return _channel(event) | {"phoneNumber": event.payload.get("phone_number")}


def _channel_status(event: RealtimeEvent) -> Payload:
    status = CHANNEL_STATUS[InstanceStatus(event.payload["status"])]
    return _channel(event) | {"status": status}


def _message(event: RealtimeEvent) -> Payload:
    message = MessageOut.of(Message.model_validate(event.payload["message"]))
    return _channel(event) | {"conversationId": message.conversation_id, "message": message.model_dump(mode="json")}


def _conversation_updated(event: RealtimeEvent) -> Payload:
    conversation = ConversationOut.of(Conversation.model_validate(event.payload["conversation"]))
    return _channel(event) | {"conversation": conversation.model_dump(mode="json")}


def _needs_human(event: RealtimeEvent) -> Payload:
    return _conversation_updated(event) | {"reason": event.payload["reason"]}


def _typing(event: RealtimeEvent) -> Payload:
    """It is not told when somebody stops: after some seconds without another one, nobody writes any more."""
    about = {"conversationId": event.payload["conversation_id"], "author": event.payload["author"].upper()}
    author = {"authorId": event.payload["author_id"], "authorName": event.payload["author_name"]}
    return _channel(event) | about | author


def _sla_changed(event: RealtimeEvent) -> Payload:
    clock = SlaClock.model_validate(event.payload["clock"])
    what = {"target": clock.target.value, "state": clock.state.value, "dueAt": milliseconds(clock.due_at)}
    return _conversation_updated(event) | what


def _presence(event: RealtimeEvent) -> Payload:
    return {"userId": event.payload["user_id"], "status": event.payload["status"]}


def _notification(event: RealtimeEvent) -> Payload:
    notification = NoticeOut.of(Notification.model_validate(event.payload["notification"]))
    return {"notification": notification.model_dump(mode="json")}


def _customer(event: RealtimeEvent) -> Payload:
    from functions.omnichat.customer_schemas import CustomerOut  # noqa: PLC0415 - few follow customers

    customer = CustomerOut.of(Customer.model_validate(event.payload["customer"]))
    return {"customer": customer.model_dump(mode="json", by_alias=True)}


def _customer_erased(event: RealtimeEvent) -> Payload:
    finished_at = datetime.fromisoformat(event.payload["finished_at"])
    about = {"customerId": event.payload["customer_id"], "erasureId": event.payload["erasure_id"]}
    return about | {"finishedAt": milliseconds(finished_at)}


def _campaign(event: RealtimeEvent) -> Payload:
    """Progress is read by `GET /api/campaigns/{id}`."""
    campaign = event.payload["campaign"]
    return {"campaign": {name: campaign[name] for name in ("id", "name", "status")}}


def _rating(event: RealtimeEvent) -> Payload:
    rating = Rating.model_validate(event.payload["rating"])
    about = {"conversationId": rating.id, "customerId": rating.customer_id, "source": rating.source.value}
    at = {"updatedAt": milliseconds(rating.updated_at)}
    return _channel(event) | about | {"score": rating.score, "comment": rating.comment} | at


def _as_it_is(event: RealtimeEvent) -> Payload:
    return event.payload


_FORMS: Mapping[str, Callable[[RealtimeEvent], Payload]] = {
    realtime.WHATSAPP_QR: _whatsapp_qr,
    realtime.WHATSAPP_CONNECTED: _whatsapp_connected,
    realtime.CHANNEL_STATUS: _channel_status,
    realtime.MESSAGE_CREATED: _message,
    realtime.MESSAGE_UPDATED: _message,
    realtime.CONVERSATION_UPDATED: _conversation_updated,
    realtime.NOTIFICATION_CREATED: _notification,
    realtime.NEEDS_HUMAN: _needs_human,
    realtime.TYPING: _typing,
    realtime.PRESENCE: _presence,
    realtime.SLA_CHANGED: _sla_changed,
    realtime.CAMPAIGN_UPDATED: _campaign,
    realtime.CUSTOMER_CREATED: _customer,
    realtime.CUSTOMER_UPDATED: _customer,
    realtime.CUSTOMER_ERASED: _customer_erased,
    realtime.RATING_CHANGED: _rating,
    VISITOR_MESSAGE: _as_it_is,
    VISITOR_TYPING: _as_it_is,
}


_FURTHER_NAMES: Mapping[str, str] = {
    realtime.WHATSAPP_QR: "whatsapp-qr-update",
    realtime.CHANNEL_STATUS: "channel-status-update",
}
"""What OmniChat's own front end calls the events that its API description names otherwise."""


def names(event_name: str) -> Sequence[str]:
    """The names under which clients are told an event, each with the same payload."""
    further = _FURTHER_NAMES.get(event_name)
    return [event_name] if further is None else [event_name, further]


def payload(event: RealtimeEvent) -> Payload:
    """Return the payload for clients. Raises `KeyError` or `ValueError` for an event that has none."""
    return _FORMS[event.name](event)
