"""A tenant's sessions, narrowed to those that have one thing in common."""

from __future__ import annotations

from dataclasses import dataclass

from shared.deps import Deps
from shared.documents.query import Query
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation, ConversationStatus, Priority
from shared.domain.instances import ChannelType
from shared.errors import NotFound
from shared.usecases.customers import customers

MAX_PAGE = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """One of these at most: each has an index, two of them have none."""

    channel: ChannelType | None = None
    assignee_id: str | None = None
    priority: Priority | None = None
    customer_id: str | None = None


def list_page(
    deps: Deps,
    tenant_id: str,
    status: ConversationStatus | None,
    session_filter: Filter,
    limit: int,
    cursor: str | None,
) -> tuple[list[Conversation], str | None]:
    """The tenant's conversations, the latest message first, and the cursor of the next page."""
    query = UnitOfWork(deps.store).conversations.query()
    query = query.where(lambda conversation: conversation.tenant_id, "==", tenant_id)
    if status is not None:
        query = query.where(lambda conversation: conversation.status, "==", status)
    query = _narrowed(deps, tenant_id, query, session_filter)
    query = query.order_by(lambda conversation: conversation.last_message_at, descending=True)
    page = query.page(min(limit, MAX_PAGE), cursor)
    return page.documents, page.cursor


def _narrowed(deps: Deps, tenant_id: str, query: Query[Conversation], session_filter: Filter) -> Query[Conversation]:
    if session_filter.channel is not None:
        query = query.where(lambda conversation: conversation.channel, "==", session_filter.channel)
    if session_filter.assignee_id is not None:
        query = query.where(lambda conversation: conversation.assignee_id, "==", session_filter.assignee_id)
    if session_filter.priority is not None:
        query = query.where(lambda conversation: conversation.priority, "==", session_filter.priority)
    if session_filter.customer_id is not None:
        customer_id = _present_id(deps, tenant_id, session_filter.customer_id)
        query = query.where(lambda conversation: conversation.customer_id, "==", customer_id)
    return query


def _present_id(deps: Deps, tenant_id: str, customer_id: str) -> str:
    """The id of the customer whom this one was merged into, else the same id."""
    try:
        return customers.get(deps, tenant_id, customer_id).id
    except NotFound:
        return customer_id
