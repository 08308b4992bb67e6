"""What a customer sees of the business while nothing is sent: that somebody writes, and what was read."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from pydantic import BaseModel

from shared.channel.presence import SupportsReadMarks, SupportsTyping
from shared.channels import ability
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation
from shared.domain.ids import stable_id
from shared.domain.instances import Instance
from shared.domain.messages import Direction, Message
from shared.domain.outbox import Change, OutboxItem, OutboxPayload
from shared.errors import HubError
from shared.security.buckets import Rate
from shared.usecases.conversations import conversations
from shared.usecases.instances import instance_config, instance_lookup
from shared.usecases.outbox import enqueueing

log = logging.getLogger(__name__)

_LATEST = 20
"""Messages of a conversation among which those are looked for that were not read yet."""
_SWEEP_AFTER = timedelta(seconds=60)
_TYPING = Rate("typing", 20)
"""How often the provider of one conversation is asked to show it; the shortest sign lasts four seconds."""
_LEAST_PAUSE = 0.5
"""Seconds before a sign that an answer is being written, the first one too: what comes within them needs none."""


def mark_read(deps: Deps, tenant_id: str, conversation_id: str) -> bool:
    """Somebody of the business has read a conversation: have its customer see that, where the channel is set to.

    Returns whether it will be shown: not where nothing new was read. Raises `NotFound`.
    """
    return run_with_retry(deps, lambda unit: _mark_read(deps, unit, tenant_id, conversation_id))


def _mark_read(deps: Deps, unit: UnitOfWork, tenant_id: str, conversation_id: str) -> bool:
    conversation = unit.conversations.owned(tenant_id, conversation_id)
    instance = instance_lookup.by_id(deps, tenant_id, conversation.instance_id)
    if not instance.options.read_marks or ability(instance.adapter, SupportsReadMarks[BaseModel]) is None:
        return False
    unread = _unread(unit, conversation)
    if not unread:
        return False
    # One mark for each latest message: who opens a conversation twice has read nothing more.
    item_id = stable_id("read", conversation.id, unread[-1].id)
    if unit.outbox.owned_or_none(tenant_id, item_id) is not None:
        return False
    now = deps.now()
    external_ids = [message.external_message_id or "" for message in unread]
    change = Change(action="read", message_id=unread[-1].id, external_ids=external_ids)
    unit.outbox.add(
        OutboxItem(
            id=item_id,
            tenant_id=tenant_id,
            conversation_id=conversation.id,
            instance_id=instance.id,
            payload=_payload(conversation, instance).model_copy(update={"change": change}),
            is_reply=True,
            due_at=now + _SWEEP_AFTER,
            created_at=now,
            updated_at=now,
        )
    )
    unit.after_commit(partial(enqueueing.wake, deps, tenant_id, conversation.id, instance))
    return True


def _unread(unit: UnitOfWork, conversation: Conversation) -> list[Message]:
    """What the customer wrote here since the business did, of the latest messages, the oldest first."""
    query = unit.messages.query().where(lambda message: message.conversation_id, "==", conversation.id)
    query = query.order_by(lambda message: message.sent_at, descending=True)
    unread: list[Message] = []
    for message in query.order_by(lambda message: message.created_at, descending=True).page(_LATEST).documents:
        if message.direction is Direction.OUTBOUND:
            break
        is_here = message.instance_id == conversation.instance_id and message.external_message_id is not None
        if message.direction is Direction.INBOUND and is_here:
            unread.append(message)
    return unread[::-1]


def _payload(conversation: Conversation, instance: Instance) -> OutboxPayload:
    return OutboxPayload(
        conversation_id=conversation.id,
        external_conversation_id=conversation.external_conversation_id,
        external_user_id=conversation.external_user_id,
        context=conversation.contexts.get(instance.id, {}),
    )


def show_typing(deps: Deps, tenant_id: str, conversation_id: str) -> bool:
    """Somebody of the business writes: have the customer see it for a while. Raises `NotFound`.

    Returns whether the provider shows it. Nothing is stored, and nothing tried again. A page may say so with every key
    that is pressed: the provider is asked no more often than the customer needs it to see it all the time.
    """
    conversation = conversations.get(deps, tenant_id, conversation_id)
    instance = instance_lookup.by_id(deps, tenant_id, conversation.instance_id)
    if deps.buckets.take(_TYPING, conversation.id):
        return ability(instance.adapter, SupportsTyping[BaseModel]) is not None
    return _show_typing(deps, instance, conversation) is not None


def _show_typing(deps: Deps, instance: Instance, conversation: Conversation) -> float | None:
    """After how many seconds it is to be shown again; None where it could not be shown."""
    channel_typing = ability(instance.adapter, SupportsTyping[BaseModel])
    if channel_typing is None or instance.down_since is not None:
        return None
    try:
        config = instance_config.load_config(deps, instance)
        return channel_typing.show_typing(deps, instance, config, _payload(conversation, instance))
    except HubError as error:
        log.info("a customer was not shown that somebody writes", extra={"why": error.detail})
        return None


@contextmanager
def typing(deps: Deps, instance: Instance, conversation: Conversation) -> Iterator[None]:
    """Have the customer see that an answer is being written until the block ends.

    The provider is called beside it, so that the answer waits for nothing.
    """
    if ability(instance.adapter, SupportsTyping[BaseModel]) is None:
        yield
        return
    is_over = threading.Event()
    threading.Thread(
        target=_keep_typing, args=(deps, instance, conversation, is_over), name="typing", daemon=True
    ).start()
    try:
        yield
    finally:
        is_over.set()


def _keep_typing(deps: Deps, instance: Instance, conversation: Conversation, is_over: threading.Event) -> None:
    pause: float | None = 0.0
    while pause is not None and not is_over.wait(max(pause, _LEAST_PAUSE)):
        pause = _show_typing(deps, instance, conversation)
