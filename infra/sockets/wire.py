"""From the hub's realtime events to the payloads that OmniChat clients listen for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from functions.omnichat.realtime_schemas import CHANNEL_STATUS, ConversationOut, MessageOut
from shared.channels.widget.outbound import EVENT as VISITOR_MESSAGE
from shared.channels.widget.outbound import TYPING as VISITOR_TYPING
from shared.domain.conversations import Conversation
from shared.domain.events import RealtimeEvent
from shared.domain.instances import InstanceStatus
from shared.domain.messages import Message
from shared.http.times import milliseconds
from shared.usecases import realtime

Payload: TypeAlias = dict[str, Any]


def _whatsapp_qr(event: RealtimeEvent) -> Payload:
    expires_at = datetime.fromisoformat(event.payload["expires_at"])
    return {"qr": event.payload["qr"], "expiresAt": milliseconds(expires_at)}


def _whatsapp_connected(event: RealtimeEvent) -> Payload:
    return {"channelInstanceId": event.room}


def _channel_status(event: RealtimeEvent) -> Payload:
    status = CHANNEL_STATUS[InstanceStatus(event.payload["status"])]
    return {"channelInstanceId": event.room, "status": status}


def _message(event: RealtimeEvent) -> Payload:
    message = MessageOut.of(Message.model_validate(event.payload["message"]))
    return {
        "channelInstanceId": event.room,
        "conversationId": message.conversation_id,
        "message": message.model_dump(mode="json"),
    }


def _conversation_updated(event: RealtimeEvent) -> Payload:
    conversation = ConversationOut.of(Conversation.model_validate(event.payload["conversation"]))
    return {"channelInstanceId": event.room, "conversation": conversation.model_dump(mode="json")}


def _as_it_is(event: RealtimeEvent) -> Payload:
    return event.payload


_FORMS: Mapping[str, Callable[[RealtimeEvent], Payload]] = {
    realtime.WHATSAPP_QR: _whatsapp_qr,
    realtime.WHATSAPP_CONNECTED: _whatsapp_connected,
    realtime.CHANNEL_STATUS: _channel_status,
    realtime.MESSAGE_CREATED: _message,
    realtime.MESSAGE_UPDATED: _message,
    realtime.CONVERSATION_UPDATED: _conversation_updated,
    VISITOR_MESSAGE: _as_it_is,
    VISITOR_TYPING: _as_it_is,
}


def payload(event: RealtimeEvent) -> Payload:
    """Return the payload for clients. Raises `KeyError` or `ValueError` for an event that has none."""
    return _FORMS[event.name](event)
