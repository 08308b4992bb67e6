"""An index of conversations by tag, written in the commit that tags, closes or reopens them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.documents import ids
from shared.documents.query import Query
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation, ConversationStatus, ConversationTag


def index(unit: UnitOfWork, conversation: Conversation, former_tags: Sequence[str], now: datetime) -> None:
    """Have the index say what the conversation's tags say; `former_tags` are those that it says now."""
    tenant_id = conversation.tenant_id
    for tag in set(former_tags) - set(conversation.tags):
        unit.conversation_tags.remove(ids.conversation_tag(tenant_id, tag, conversation.id))
    for tag in conversation.tags:
        if tag not in former_tags:
            entry = ConversationTag(
                tenant_id=tenant_id,
                tag=tag,
                conversation_id=conversation.id,
                is_closed=conversation.status is ConversationStatus.CLOSED,
                tagged_at=now,
            )
            unit.conversation_tags.put(entry, ids.conversation_tag(tenant_id, tag, conversation.id))


def follow_status(unit: UnitOfWork, conversation: Conversation) -> None:
    """Have the index say whether the conversation is closed."""
    is_closed = conversation.status is ConversationStatus.CLOSED
    for tag in conversation.tags:
        entry_id = ids.conversation_tag(conversation.tenant_id, tag, conversation.id)
        unit.conversation_tags.patch(entry_id, is_closed=is_closed)


def tagged(unit: UnitOfWork, tenant_id: str, tag: str, *, is_closed: bool) -> Query[ConversationTag]:
    """The conversations that have a tag and are closed, or are not, the one that was tagged last first."""
    query = unit.conversation_tags.query().where(lambda entry: entry.tenant_id, "==", tenant_id)
    query = query.where(lambda entry: entry.tag, "==", tag).where(lambda entry: entry.is_closed, "==", is_closed)
    return query.order_by(lambda entry: entry.tagged_at, descending=True)
