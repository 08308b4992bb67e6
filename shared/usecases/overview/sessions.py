"""Conversations picked out by one thing about them."""

from __future__ import annotations

from dataclasses import dataclass

from shared.deps import Deps
from shared.domain.conversations import Conversation, ConversationStatus
from shared.errors import NotFound
from shared.ports.store import Order, Where
from shared.usecases.customers import customers

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
        value = _now_part_of(deps, tenant_id, picked.value) if picked.field == "customer_id" else picked.value
        where.append(Where(picked.field, "==", value))
    order = [Order("last_message_at", descending=True)]
    page = deps.store.find("conversations", where, order, limit=min(limit, MOST), cursor=cursor)
    return [Conversation.model_validate(document.data) for document in page.documents], page.cursor


def _now_part_of(deps: Deps, tenant_id: str, customer_id: str) -> str:
    """Whoever was merged into another is found with him, by his old id too."""
    try:
        return customers.read(deps, tenant_id, customer_id).id
    except NotFound:
        return customer_id
