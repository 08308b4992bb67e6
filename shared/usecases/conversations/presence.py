"""What a customer sees of the business while nothing is sent: that somebody writes, and what was read."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import takewhile

from pydantic import BaseModel

from shared.channel.presence import SupportsReadMarks, SupportsTyping
from shared.channels import ability
from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Principal
from shared.domain.conversations import Conversation
from shared.domain.ids import stable_id
from shared.domain.instances import Instance
from shared.domain.messages import Direction, Message
from shared.domain.outbox import Change, OutboxItem, OutboxPayload
from shared.errors import HubError
from shared.security.buckets import Rate
from shared.usecases import realtime
from shared.usecases.conversations import conversations
from shared.usecases.instances import instance_config, instance_lookup
from shared.usecases.outbox import enqueueing

log = logging.getLogger(__name__)

_LATEST = 20
"""Messages of a conversation among which those are looked for that were not read yet."""
_MOST_UNREAD = 100
"""Messages of a conversation among which those are looked for that came while it was read."""
_SWEEP_AFTER = timedelta(seconds=60)
_TYPING = Rate("typing", 20)
"""How often the provider of one conversation is asked to show it; the shortest sign lasts four seconds."""
_TOLD = Rate("typing_told", 20)
"""How often clients are told of one who writes in a conversation."""
_LEAST_PAUSE = 0.5
"""Seconds before a sign that an answer is being written, the first one too: what comes within them needs none."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of a conversation by being read: whether its customer will see it, and how much is still unread."""

    is_shown: bool
    unread_count: int


def mark_read(deps: Deps, tenant_id: str, conversation_id: str, last_message_id: str | None = None) -> Reading:
    """Somebody of the business has read a conversation: nothing is unread any more, for all of its people.

    Its customer sees that where the channel is set to, unless nothing new was read. `last_message_id` is the latest
    message that was there to read; what came after it stays unread. Raises `NotFound`.
    """

    def attempt(unit: UnitOfWork) -> Reading:
        conversation = unit.conversations.owned(tenant_id, conversation_id)
        _note_reading(deps, unit, conversation, last_message_id)
        return Reading(_mark_read(deps, unit, conversation), conversation.unread_count)

    return run_with_retry(deps, attempt)


def _note_reading(deps: Deps, unit: UnitOfWork, conversation: Conversation, last_message_id: str | None) -> None:
    newer_count = 0
    if last_message_id not in (None, conversation.last_message_id):
        newer_count = sum(each.direction is Direction.INBOUND for each in _newer(unit, conversation, last_message_id))
    unread_count = min(newer_count, conversation.unread_count)
    if unread_count == conversation.unread_count:
        return
    conversation.unread_count, conversation.is_unread = unread_count, unread_count > 0
    conversation.updated_at = deps.now()
    realtime.conversation_updated(deps, unit, conversation)


def _newer(unit: UnitOfWork, conversation: Conversation, message_id: str | None) -> Iterator[Message]:
    """The latest messages, as far as they came after the one with this id."""
    return takewhile(lambda message: message.id != message_id, _latest(unit, conversation, _MOST_UNREAD))


def _mark_read(deps: Deps, unit: UnitOfWork, conversation: Conversation) -> bool:
    """Whether the customer will see that the conversation was read."""
    tenant_id = conversation.tenant_id
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
    unread: list[Message] = []
    for message in _latest(unit, conversation, _LATEST):
        if message.direction is Direction.OUTBOUND:
            break
        is_here = message.instance_id == conversation.instance_id and message.external_message_id is not None
        if message.direction is Direction.INBOUND and is_here:
            unread.append(message)
    return unread[::-1]


def _latest(unit: UnitOfWork, conversation: Conversation, limit: int) -> list[Message]:
    """The latest messages, the newest first."""
    query = unit.messages.query().where(lambda message: message.conversation_id, "==", conversation.id)
    query = query.order_by(lambda message: message.sent_at, descending=True)
    return query.order_by(lambda message: message.created_at, descending=True).page(limit).documents


def _payload(conversation: Conversation, instance: Instance) -> OutboxPayload:
    return OutboxPayload(
        conversation_id=conversation.id,
        external_conversation_id=conversation.external_conversation_id,
        external_user_id=conversation.external_user_id,
        context=conversation.contexts.get(instance.id, {}),
    )


def show_typing(deps: Deps, tenant_id: str, conversation_id: str, writer: Principal | None = None) -> bool:
    """Somebody of the business writes: have the customer and colleagues see it for a while. Raises `NotFound`.

    Returns whether the provider shows it. Nothing is stored, and nothing tried again. A page may say so with every key
    that is pressed: the provider is asked no more often than the customer needs it to see it all the time.
    """
    conversation = conversations.get(deps, tenant_id, conversation_id)
    instance = instance_lookup.by_id(deps, tenant_id, conversation.instance_id)
    if writer is not None and not deps.buckets.take(_TOLD, f"{conversation.id} {writer.credential_id}"):
        realtime.typing(deps, instance.id, conversation, writer)
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


def customer_types(deps: Deps, instance: Instance, chat_key: str) -> None:
    """A customer writes, as their channel says: tell the business, where a conversation is open.

    Costs a read, and another one where the customer is known by another address.
    """
    identity_id = ids.identity(instance.id, chat_key)
    if deps.buckets.take(_TOLD, identity_id):
        return
    identities = UnitOfWork(deps.store).identities
    identity = identities.owned_or_none(instance.tenant_id, identity_id)
    if identity is not None and identity.alias_of is not None:
        identity = identities.owned_or_none(instance.tenant_id, identity.alias_of)
    if identity is not None and identity.conversation_id is not None:
        realtime.typing(deps, instance.id, identity, None)


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
