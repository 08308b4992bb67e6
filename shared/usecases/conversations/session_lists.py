"""Conversations picked out by one thing about them."""

from __future__ import annotations

from dataclasses import dataclass

from shared.deps import Deps
from shared.domain.conversations import Conversation, ConversationStatus
from shared.ports.store import Order, Where

MOST = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """A field and its value: `channel`, `assignee_id`, `priority` or `customer_id`, each of which has an index."""

    field: str
    value: str


def list_page(
    deps: Deps,
    tenant_id: str,
    status: ConversationStatus | None,
    picked: Filter | None,
    limit: int,
    cursor: str | None,
) -> tuple[list[Conversation], str | None]:
    """The tenant's conversations, the latest message first, and the cursor of the next page."""
    where = [Where("tenant_id", "==", tenant_id)]
    if status is not None:
        where.append(Where("status", "==", status.value))
    if picked is not None:
        where.append(Where(picked.field, "==", picked.value))
    order = [Order("last_message_at", descending=True)]
    page = deps.store.find("conversations", where, order, limit=min(limit, MOST), cursor=cursor)
    return [Conversation.model_validate(document.data) for document in page.documents], page.cursor
