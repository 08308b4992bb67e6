"""A hub whose bus nobody consumes: a test calls the workers itself, one after the other or one inside another."""

from __future__ import annotations

from dataclasses import replace

from functions.hub.main import blueprints
from shared.cache import TTLCache
from shared.deps import Deps
from shared.domain.messages import MessageStatus
from shared.security.pacing import Pacer
from shared.usecases.delivery.delivery import deliver
from tests import refs
from tests.apps import create_app
from tests.overlaps import overlaps
from tests.pipeline.hub import Hub, telegram_rules
from tests.stubs import Stub

SEND = "/sendMessage"


def still_hub(deps: Deps, provider: Stub) -> Hub:
    """The owner of a fresh tenant, and a Telegram that takes everything."""
    telegram_rules(provider)
    hub = Hub(deps, create_app(deps, blueprints()).test_client(), provider)
    hub.register()
    return hub


def another_process(deps: Deps, owner: str = "another process") -> Deps:
    """What a second process of the same hub works with: its own cache, and its own count of what it sent."""
    return replace(deps, owner=owner, pacer=Pacer(), cache=TTLCache(overlaps(deps).clock.monotonic))


def seen_from(hub: Hub, process: Deps) -> Hub:
    """The same hub for the same person, served by another process."""
    return replace(hub, deps=process, client=create_app(process, blueprints()).test_client())


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
