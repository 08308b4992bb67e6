"""From the hub's realtime events to the JSON frames that the Dashboard's plain WebSockets carry."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from functions.dashboard.schemas import CHANNELS, STATUS, AttachmentOut, sender
from shared.domain.conversations import Conversation
from shared.domain.events import RealtimeEvent
from shared.domain.instances import Instance, InstanceStatus
from shared.domain.messages import Message
from shared.domain.notifications import Notification
from shared.http.times import whole_seconds
from shared.usecases import realtime

Payload: TypeAlias = dict[str, Any]
Subject: TypeAlias = Literal["session", "channel"]

_SEVERITIES = {"message_dead": "error", "channel_error": "error", "agent_failed": "warning"}


@dataclass(frozen=True, slots=True)
class Frame:
    """What a page is told: `type` and `payload`, as it reads them."""

    type: str
    payload: Payload

    def at(self, moment: datetime) -> Payload:
        return {"type": self.type, "payload": self.payload, "timestamp": whole_seconds(moment)}


@dataclass(frozen=True, slots=True)
class Interest:
    """What a connection wants to hear, by its address: everything, or what is about one session or channel type."""

    subject: Subject | None = None
    name: str = ""

    def covers(self, frame: Frame) -> bool:
        if self.subject is None:
            return True
        return self.name == frame.payload.get("sessionId" if self.subject == "session" else "channelType")


_ADDRESS = re.compile(r"/ws(?:/(?:(?P<kind>session|channel)/)?(?P<name>[\w-]{1,64}))?", re.ASCII)
_WHOLE = frozenset({"", "dashboard", "analytics"})


def interest_of(path: str) -> Interest | None:
    """What the address stands for: `/ws`, `/ws/dashboard`, `/ws/analytics`, `/ws/session/{id}`, `/ws/{session id}` and
    `/ws/channel/{type}`. None for any other path.
    """
    address = _ADDRESS.fullmatch(path)
    if address is None:
        return None
    kind, name = address["kind"], address["name"] or ""
    if kind is None and name in _WHOLE:
        return Interest()
    return Interest("channel" if kind == "channel" else "session", name)


def frames_of(event: RealtimeEvent, instance: Instance | None) -> list[Frame]:
    """The frames for an event of the instance's room, none for what is not for a dashboard.

    Raises `ValueError` or `KeyError` for an event that cannot be read.
    """
    build = _FORMS.get(event.name)
    return build(event, instance) if build else []


def _conversation(event: RealtimeEvent, instance: Instance | None) -> list[Frame]:
    conversation = Conversation.model_validate(event.payload["conversation"])
    if conversation.instance_id != event.room:
        # It is told to the room that it has left as well.
        return [_transfer(conversation, instance)]
    payload = {
        "sessionId": conversation.id,
        "customerId": conversation.customer_id,
        "channelType": CHANNELS[conversation.channel],
        "status": STATUS[conversation.status],
        "agentId": conversation.assignee_id,
        "startTime": whole_seconds(conversation.created_at),
        "lastActivity": whole_seconds(conversation.last_message_at),
        "metadata": {"priority": conversation.priority.value},
    }
    return [Frame("session_update", payload)]


def _transfer(conversation: Conversation, former: Instance | None) -> Frame:
    payload = {
        "sessionId": conversation.id,
        "customerId": conversation.customer_id,
        "channelType": CHANNELS[conversation.channel],
        "fromChannel": CHANNELS[former.type] if former else None,
        "toChannel": CHANNELS[conversation.channel],
        "reason": None,
        "transferId": f"{conversation.id}-{len(conversation.legs)}",
    }
    return Frame("channel_transfer", payload)


def _message(event: RealtimeEvent, instance: Instance | None) -> list[Frame]:
    message = Message.model_validate(event.payload["message"])
    payload = {
        "messageId": message.id,
        "sessionId": message.conversation_id,
        "customerId": message.customer_id,
        "channelType": CHANNELS[instance.type] if instance else None,
        "content": message.text or "",
        "messageType": message.kind.value,
        "sender": sender(message),
        "attachments": [AttachmentOut.of(message, number) for number in range(len(message.attachments))],
        "metadata": {"status": message.status.value},
    }
    return [Frame("new_message", payload)]


def _channel(event: RealtimeEvent, instance: Instance | None) -> list[Frame]:
    if instance is None:
        return []
    status = InstanceStatus(event.payload["status"])
    payload = {"channelId": instance.slug, "channelType": CHANNELS[instance.type], "status": status.value}
    return [Frame("channel_status_change", payload)]


def _notification(event: RealtimeEvent, instance: Instance | None) -> list[Frame]:
    notification = Notification.model_validate(event.payload["notification"])
    if notification.user_id is not None:  # a dashboard is nobody's alone
        return []
    payload = {
        "notificationId": notification.id,
        "type": _SEVERITIES.get(notification.type, "info"),
        "title": notification.title,
        "message": notification.message,
        "actions": [],
        "category": notification.type,
    }
    return [Frame("notification", payload)]


_FORMS: Mapping[str, Callable[[RealtimeEvent, Instance | None], list[Frame]]] = {
    realtime.CONVERSATION_UPDATED: _conversation,
    realtime.MESSAGE_CREATED: _message,
    realtime.CHANNEL_STATUS: _channel,
    realtime.NOTIFICATION_CREATED: _notification,
}
