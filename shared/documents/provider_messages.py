"""Stored messages by their provider's id."""

from __future__ import annotations

from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance
from shared.domain.messages import Direction, Message, MessageAlias


def stored(unit: UnitOfWork, instance: Instance, external_message_id: str) -> Message | None:
    """The message, followed to our own document when the provider's id is only another name for it."""
    record = unit.message_records.get(ids.provider_message(instance.id, external_message_id))
    if isinstance(record, MessageAlias):
        return unit.messages.owned_or_none(instance.tenant_id, record.alias_of)
    return record if isinstance(record, Message) else None


def author_of(unit: UnitOfWork, instance: Instance, external_message_id: str) -> str | None:
    """The address of the customer who wrote a message; None for any other, and for one that the hub does not have."""
    message = stored(unit, instance, external_message_id)
    return message.author_id if message is not None and message.direction is Direction.INBOUND else None
