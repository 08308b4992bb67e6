"""The chats and contacts of one instance, by pages with numbers as later Omni servers have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from shared.deps import Deps
from shared.documents.query import Query
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation, ConversationStatus
from shared.domain.customers import Identity
from shared.domain.instances import Instance
from shared.errors import BadRequest, NotFound

MOST = 10_000
"""How far one can page, and among how many contacts a search looks: earlier ones are read to skip them."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NumberedPage(Generic[T]):
    """One page, and how many items there are on all pages."""

    items: list[T]
    total: int
    has_more: bool


def chats(
    deps: Deps, instance: Instance, page: int, size: int, is_group: bool | None = None, is_archived: bool | None = None
) -> NumberedPage[Conversation]:
    """The instance's conversations, the latest message first; those that are closed count as archived."""
    query = UnitOfWork(deps.store).conversations.query()
    query = query.where(lambda conversation: conversation.instance_id, "==", instance.id)
    query = query.where(lambda conversation: conversation.tenant_id, "==", instance.tenant_id)
    if is_group is not None:
        query = query.where(lambda conversation: conversation.is_group, "==", is_group)
    if is_archived:
        query = query.where(lambda conversation: conversation.status, "==", ConversationStatus.CLOSED)
    elif is_archived is not None:
        others: list[ConversationStatus] = [
            status for status in ConversationStatus if status is not ConversationStatus.CLOSED
        ]
        query = query.where_in(lambda conversation: conversation.status, others)
    ordered = query.order_by(lambda conversation: conversation.last_message_at, descending=True)
    return _page(ordered.every(), page, size, query.count())


def chat(deps: Deps, instance: Instance, chat_id: str) -> Conversation:
    """One of the instance's conversations; raises `NotFound`, also for one that is another instance's."""
    conversation = UnitOfWork(deps.store).conversations.owned(instance.tenant_id, chat_id)
    if conversation.instance_id != instance.id:
        raise NotFound("There is no such chat on this instance")
    return conversation


def contacts(deps: Deps, instance: Instance, page: int, size: int, search: str | None = None) -> NumberedPage[Identity]:
    """Whom the instance has an address of, the newest first; a search looks at names, numbers and addresses."""
    query = UnitOfWork(deps.store).identities.query()
    query = query.where(lambda identity: identity.instance_id, "==", instance.id)
    query = query.where(lambda identity: identity.alias_of, "==", None)
    query = query.where(lambda identity: identity.is_thread, "==", False)
    ordered = query.order_by(lambda identity: identity.created_at, descending=True)
    if not search:
        return _page(ordered.every(), page, size, query.count())
    fitting = list(_fitting(ordered, search.casefold()))
    return _page(fitting, page, size, len(fitting))


def _fitting(query: Query[Identity], search: str) -> Iterator[Identity]:
    for identity in islice(query.every(), MOST):
        texts = (identity.shown_name, identity.phone, identity.external_user_id)
        if any(search in text.casefold() for text in texts if text):
            yield identity


def _page(items: Iterable[T], page: int, size: int, total: int) -> NumberedPage[T]:
    skipped = (page - 1) * size
    if skipped > MOST:
        raise BadRequest.of_field("page", f"must not be further than {MOST} items from the first")
    return NumberedPage(list(islice(items, skipped, skipped + size)), total, skipped + size < total)
