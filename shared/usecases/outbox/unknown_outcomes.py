"""Settling messages of which nobody knows whether the provider has them: by their echo, or by asking.

A process may have died after the provider took a message, or the answer been lost. The identity of the chat names such
messages, so that an echo finds them at the cost of no read where there are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from pydantic import BaseModel

from shared.channel.outbound import Sent
from shared.channel.settle import SupportsLookup
from shared.channelkit.comparing import says_the_same
from shared.channels import ability, channel
from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.customers import Identity
from shared.domain.inbound import MessageReceived, Receipt
from shared.domain.instances import Instance
from shared.domain.messages import Author, Direction, Message, MessageAlias, MessageKind
from shared.domain.outbox import OutboxItem, OutboxStatus
from shared.usecases.instances import instance_config
from shared.usecases.outbox import enqueueing, outcomes, parts
from shared.usecases.outbox.parts import Part

_MOST_UNSETTLED = 20
"""Messages of a chat that are remembered as unknown; older ones are a person's to decide."""
_FORGOTTEN_AFTER = timedelta(days=1)
_BEFORE, _AFTER = timedelta(minutes=1), timedelta(minutes=10)
"""How far a provider's time of a message may be from when we sent it. Clocks differ, and some tell whole minutes."""
_LATEST = 20
"""Messages of a conversation that are looked at for an echo."""


def remember(deps: Deps, item: OutboxItem) -> None:
    """Have the chat's identity name the item, so that an echo to come settles it.

    That has a commit of its own: the customer may be writing, and the item must not wait for that.
    """
    run_with_retry(deps, lambda unit: _remember(unit, item))


def _remember(unit: UnitOfWork, item: OutboxItem) -> None:
    conversation = unit.conversations.owned_or_none(item.tenant_id, item.conversation_id)
    identity = unit.identities.owned_or_none(item.tenant_id, conversation.identity_id) if conversation else None
    if identity is not None and item.id not in identity.unsettled_ids:
        identity.unsettled_ids = [*identity.unsettled_ids, item.id][-_MOST_UNSETTLED:]


def settle_by_echo(deps: Deps, unit: UnitOfWork, instance: Instance, chat: Identity, received: MessageReceived) -> bool:
    """Whether a message of the business is one of ours whose outcome was unknown; it is settled as sent then."""
    for item in _unsettled(deps, unit, chat):
        part = parts.next_part(instance, item)
        kinds = [attachment.type for attachment in received.attachments]
        if _is_in_time(item, received.sent_at) and _says_the_same(instance, part, received.text, kinds):
            sent = Sent(external_message_id=received.external_message_id)
            outcomes.record_sent_in(deps, unit, instance, item, sent, part)
            chat.unsettled_ids = [each for each in chat.unsettled_ids if each != item.id]
            if not part.is_last:
                unit.after_commit(partial(enqueueing.wake, deps, item.tenant_id, item.conversation_id, instance))
            return True
    return False


def settle_by_receipt(deps: Deps, unit: UnitOfWork, instance: Instance, receipt: Receipt) -> bool:
    """Whether a receipt under a provider's id that nobody knows yet is about a message of ours: then that was sent.

    The provider tells the id that we gave the part with it. Who sent it may still wait for the provider's answer.
    """
    item_id, _, number = (receipt.part_id or "").partition(".")
    item = unit.outbox.owned_or_none(instance.tenant_id, item_id) if item_id else None
    if item is None or item.instance_id != instance.id or item.status is OutboxStatus.SENT:
        return False
    if number != (str(item.parts_sent) if item.parts_sent else ""):
        return False
    part = parts.next_part(instance, item)
    outcomes.record_sent_in(deps, unit, instance, item, Sent(external_message_id=receipt.external_message_id), part)
    if not part.is_last:
        unit.after_commit(partial(enqueueing.wake, deps, item.tenant_id, item.conversation_id, instance))
    return True


def _unsettled(deps: Deps, unit: UnitOfWork, chat: Identity) -> list[OutboxItem]:
    """The chat's messages of unknown outcome; it forgets those that were settled, or are old."""
    items = [
        item
        for item in unit.outbox.owned_many(chat.tenant_id, chat.unsettled_ids)
        if item.unknown_since is not None
        and item.status is not OutboxStatus.SENT
        and deps.now() - item.unknown_since < _FORGOTTEN_AFTER
    ]
    if len(items) < len(chat.unsettled_ids):
        chat.unsettled_ids = [item.id for item in items]
    return items


def stored_echo(unit: UnitOfWork, instance: Instance, item: OutboxItem, part: Part) -> Sent | None:
    """The echo that came before anybody knew that the outcome was unknown, and was stored as somebody else's message.

    Writing down that the message was sent stores an alias under the echo's id, so that the echo is no second message.
    """
    query = unit.messages.query().where(lambda message: message.conversation_id, "==", item.conversation_id)
    query = query.order_by(lambda message: message.sent_at, descending=True)
    page = query.order_by(lambda message: message.created_at, descending=True).page(_LATEST)
    for message in reversed(page.documents):
        if _is_echo(instance, item, message):
            kinds = [attachment.type for attachment in message.attachments]
            if _says_the_same(instance, part, message.text, kinds):
                return Sent(external_message_id=message.external_message_id)
    return None


def _is_echo(instance: Instance, item: OutboxItem, message: Message) -> bool:
    is_by_business = message.direction is Direction.OUTBOUND and message.author in (Author.OTHER, Author.BOT)
    is_provider_message = message.external_message_id is not None and message.id == ids.provider_message(
        instance.id, message.external_message_id
    )
    return is_by_business and is_provider_message and _is_in_time(item, message.sent_at)


def can_ask(instance: Instance) -> bool:
    """Whether the instance's provider can be asked what was sent."""
    return ability(instance.adapter, SupportsLookup[BaseModel]) is not None


def ask(deps: Deps, unit: UnitOfWork, instance: Instance, item: OutboxItem, part: Part) -> Sent | None:
    """What the provider has of a part whose outcome is unknown; None when it has nothing that is not another message.

    Raises a `ProviderError` when the provider does not tell.
    """
    lookup = ability(instance.adapter, SupportsLookup[BaseModel])
    if lookup is None or item.unknown_since is None:
        return None
    config = instance_config.load_config(deps, instance)
    candidates = lookup.sent_messages(deps, instance, config, part.payload, item.unknown_since - _BEFORE)
    return _first_unclaimed(unit, instance, item, candidates)


def _first_unclaimed(unit: UnitOfWork, instance: Instance, item: OutboxItem, candidates: Sequence[Sent]) -> Sent | None:
    """The first that is not known as another message of ours with the same words."""
    for sent in candidates:
        if sent.external_message_id is None:
            continue
        record = unit.message_records.get(ids.provider_message(instance.id, sent.external_message_id))
        if not isinstance(record, MessageAlias) or record.alias_of == item.id:
            return sent
    return None


def _is_in_time(item: OutboxItem, sent_at: datetime) -> bool:
    since = item.unknown_since
    return since is not None and since - _BEFORE <= sent_at <= since + _AFTER


def _says_the_same(instance: Instance, part: Part, text: str | None, kinds: list[MessageKind]) -> bool:
    return says_the_same(part.payload, channel(instance.adapter).capabilities.markup, text, kinds)
