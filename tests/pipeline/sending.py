"""Messages on their way out, which a test has sent by workers of its own, one after the other or one inside another."""

from __future__ import annotations

from shared.deps import Deps
from shared.domain.messages import MessageStatus
from shared.usecases.delivery.delivery import deliver
from tests import refs
from tests.pipeline.hub import Hub

SEND = "/sendMessage"


def accepted(hub: Hub, channel_id: str, text: str = "hello", chat: int = 5) -> tuple[str, str]:
    """Have the hub accept a message for a Telegram chat; returns its id and its conversation's."""
    body = {"channelInstanceId": channel_id, "externalUserId": str(chat), "text": text}
    message = hub.post("/api/messages/send", body, 202)["message"]
    return str(message["id"]), str(message["conversationId"])


def work(hub: Hub, conversation_id: str, deps: Deps | None = None) -> None:
    """One worker sends what the conversation's outbox holds."""
    deliver(deps or hub.deps, hub.tenant_id, conversation_id)


def fate(hub: Hub, message_id: str) -> str:
    """The status of the message's outbox item."""
    return str(hub.documents("outbox", id=message_id)[0]["status"])


def displayed_status(hub: Hub, message_id: str) -> MessageStatus:
    """The status that the message itself shows."""
    ref = refs.message(message_id)
    return MessageStatus(hub.store.get([ref])[ref].data["status"])
