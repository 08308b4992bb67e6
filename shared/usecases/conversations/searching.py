"""Searching a tenant's people, their conversations, and what was written, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation
from shared.domain.customers import Customer
from shared.domain.messages import Message
from shared.domain.search_words import matches, query_words
from shared.ports.search import Kind

MOST = 30
"""Results of each kind in an answer."""


@dataclass(frozen=True, slots=True)
class Results:
    """What was found; a cursor is None where nothing follows.

    `conversations` are those of the people, the newest first, and `customer_names` those of the conversations in which
    the messages lie.
    """

    people: list[Customer] = field(default_factory=list)
    people_cursor: str | None = None
    conversations: list[Conversation] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    messages_cursor: str | None = None
    customer_names: dict[str, str | None] = field(default_factory=dict)


def search(deps: Deps, tenant_id: str, text: str, limit: int) -> Results:
    """The newest results of each kind; none for a text without words."""
    people, people_cursor = search_people(deps, tenant_id, text, limit, None)
    messages, messages_cursor = search_messages(deps, tenant_id, text, limit, None)
    return Results(
        people,
        people_cursor,
        _conversations_of(deps, tenant_id, people, limit),
        messages,
        messages_cursor,
        customer_names(deps, tenant_id, messages),
    )


def search_people(
    deps: Deps, tenant_id: str, text: str, limit: int, cursor: str | None
) -> tuple[list[Customer], str | None]:
    """Customers by words of name, number and e-mail address. Raises `BadRequest` for a cursor of another list."""
    terms = query_words(text)
    hits = deps.search.find(tenant_id, Kind.CUSTOMER, terms, limit, cursor)
    customers = UnitOfWork(deps.store).customers.owned_many(tenant_id, hits.ids) if hits.ids else []
    matching = [each for each in customers if matches((each.name, each.phone, each.email), terms)]
    return [each for each in matching if each.merged_into is None], hits.cursor


def search_messages(
    deps: Deps, tenant_id: str, text: str, limit: int, cursor: str | None
) -> tuple[list[Message], str | None]:
    """Messages by words of their text. Raises `BadRequest` for a cursor of another list."""
    terms = query_words(text)
    hits = deps.search.find(tenant_id, Kind.MESSAGE, terms, limit, cursor)
    messages = UnitOfWork(deps.store).messages.owned_many(tenant_id, hits.ids) if hits.ids else []
    return [each for each in messages if not each.blocked and matches((each.text,), terms)], hits.cursor


def customer_names(deps: Deps, tenant_id: str, messages: Sequence[Message]) -> dict[str, str | None]:
    """The customer's name by the id of each message's conversation."""
    ids = {message.conversation_id for message in messages}
    conversations = UnitOfWork(deps.store).conversations.owned_many(tenant_id, ids) if ids else []
    return {conversation.id: conversation.customer_name for conversation in conversations}


def _conversations_of(deps: Deps, tenant_id: str, people: Sequence[Customer], limit: int) -> list[Conversation]:
    query = UnitOfWork(deps.store).conversations.query()
    query = query.where_in(lambda conversation: conversation.customer_id, [customer.id for customer in people])
    query = query.where(lambda conversation: conversation.tenant_id, "==", tenant_id)
    query = query.order_by(lambda conversation: conversation.created_at, descending=True)
    return query.page(limit).documents if people else []
