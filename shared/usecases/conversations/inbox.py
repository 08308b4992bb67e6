"""The shared inbox: a tenant's conversations by view, and how many there are in each.

An index answers the view and one further filter. What else is asked for is looked for in the conversations that the
index returns, `_MOST_PAGES` pages of them at most: a page may have fewer conversations than its limit, and its cursor
leads on. So a request costs the same however many conversations there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from shared.deps import Deps
from shared.documents.query import Query, field_name
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation, ConversationStatus
from shared.usecases.conversations import conversation_tags

Moment: TypeAlias = Callable[[Conversation], datetime | None]

MOST = 200
MOST_COUNTED = 1000
"""Conversations of a view that are counted; nobody looks through more, and counting them would cost more and more."""

_MOST_PAGES = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OTHERS = "others."
"""How the cursor of a page of those who wait for nothing begins."""
_OVERLAP = timedelta(seconds=10)
"""A change is dated when it is decided, and may be stored this much later."""


class View(StrEnum):
    MINE = "mine"
    UNASSIGNED = "unassigned"
    NEEDS_HUMAN = "needs-human"
    WAITING = "waiting"
    OPEN = "open"
    SNOOZED = "snoozed"
    CLOSED = "closed"


class Sort(StrEnum):
    NEWEST = "newest"
    LONGEST_WAIT = "longest-wait"
    SLA = "sla"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which conversations of a view; None leaves a filter out. `person_id` is the user whose view `mine` is.

    `text` is looked for in the customer's name, number and address, and in what the conversation began with.
    """

    view: View = View.OPEN
    person_id: str = ""
    team_id: str | None = None
    instance_id: str | None = None
    tag: str | None = None
    unread: bool | None = None
    needs_human: bool | None = None
    text: str | None = None

    @property
    def status(self) -> ConversationStatus:
        """What the conversations of the view have in common; those that wait for something are open."""
        statuses = {View.SNOOZED: ConversationStatus.SNOOZED, View.CLOSED: ConversationStatus.CLOSED}
        return statuses.get(self.view, ConversationStatus.OPEN)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many conversations each view has, and how many open ones are unread; `MOST_COUNTED` means that or more.

    `of_person` are those of the view `MINE`.
    """

    of_person: int
    unassigned: int
    needs_human: int
    waiting: int
    open: int
    snoozed: int
    unread: int


@dataclass(frozen=True, slots=True)
class _Filter:
    """A field's value, for an index to find or for a conversation to be compared with."""

    field: Callable[[Conversation], object]
    value: object

    def narrow(self, query: Query[Conversation]) -> Query[Conversation]:
        return query.where(self.field, "==", self.value)

    @property
    def is_indexed_by_sla(self) -> bool:
        return field_name(self.field) in ("assignee_id", "team_id")

    def matches(self, conversation: Conversation) -> bool:
        return self.field(conversation) == self.value


def page(
    deps: Deps, tenant_id: str, selection: Selection, sort: Sort, limit: int, cursor: str | None
) -> tuple[list[Conversation], str | None]:
    """Conversations of a view, and the cursor of the next page.

    Those with a tag come in the order in which they were tagged, the last one first. By `LONGEST_WAIT` those come first
    whose customer waits for an answer, by `SLA` those in which something is due, the earliest first.
    """
    limit, unit = min(limit, MOST), UnitOfWork(deps.store)
    filters = _filters(selection)
    if selection.tag is not None:
        return _tagged(unit, tenant_id, selection, filters, limit, cursor)
    query = _of_status(unit, tenant_id, selection.status)
    others: Sequence[_Filter] = filters
    if filters and (sort is not Sort.SLA or filters[0].is_indexed_by_sla):
        query, others = filters[0].narrow(query), filters[1:]
    if sort is not Sort.NEWEST:
        return _by_moment(query, _MOMENTS[sort], selection, others, limit, cursor)
    return _look(_newest_first(query), limit, cursor, lambda each: _fits(each, selection, others))


def changed_since(
    deps: Deps, tenant_id: str, since: datetime, limit: int, cursor: str | None
) -> tuple[list[Conversation], str | None]:
    """The conversations of any view that have changed since, and a little before; the latest change comes last."""
    query = UnitOfWork(deps.store).conversations.query()
    query = query.where(lambda conversation: conversation.tenant_id, "==", tenant_id)
    query = query.where(lambda conversation: conversation.updated_at, ">=", since - _OVERLAP)
    changed = query.order_by(lambda conversation: conversation.updated_at).page(min(limit, MOST), cursor)
    return changed.documents, changed.cursor


def counts(deps: Deps, tenant_id: str, person_id: str) -> Counts:
    """How many there are in each view but `CLOSED`, which only grows."""
    selections = {
        "of_person": Selection(view=View.MINE, person_id=person_id),
        "unassigned": Selection(view=View.UNASSIGNED),
        "needs_human": Selection(view=View.NEEDS_HUMAN),
        "waiting": Selection(view=View.WAITING),
        "open": Selection(view=View.OPEN),
        "snoozed": Selection(view=View.SNOOZED),
        "unread": Selection(view=View.OPEN, unread=True),
    }
    return Counts(**{name: _count(deps, tenant_id, selection) for name, selection in selections.items()})


def _count(deps: Deps, tenant_id: str, selection: Selection) -> int:
    query = _of_status(UnitOfWork(deps.store), tenant_id, selection.status)
    for each in _filters(selection):
        query = each.narrow(query)
    if selection.view is View.WAITING:
        return _having(query, _needs_reply_since).count(MOST_COUNTED)
    # Every conversation has this field; with it the count is served by the index that serves the list.
    return query.where(lambda conversation: conversation.last_message_at, ">", _EPOCH).count(MOST_COUNTED)


def _of_status(unit: UnitOfWork, tenant_id: str, status: ConversationStatus) -> Query[Conversation]:
    query = unit.conversations.query().where(lambda conversation: conversation.tenant_id, "==", tenant_id)
    return query.where(lambda conversation: conversation.status, "==", status)


def _needs_reply_since(conversation: Conversation) -> datetime | None:
    return conversation.needs_reply_since


def _due_at(conversation: Conversation) -> datetime | None:
    return conversation.sla.due_at


_MOMENTS: Mapping[Sort, Moment] = {Sort.LONGEST_WAIT: _needs_reply_since, Sort.SLA: _due_at}
"""By what a view is sorted; what does not have it comes last."""


def _having(query: Query[Conversation], moment: Moment) -> Query[Conversation]:
    return query.where(moment, ">", _EPOCH)


def _newest_first(query: Query[Conversation]) -> Query[Conversation]:
    return query.order_by(lambda conversation: conversation.last_message_at, descending=True)


def _filters(selection: Selection) -> list[_Filter]:
    """All but the status and the tag. The first one is for the index: usually the one that fewest conversations fit."""
    needs_human = True if selection.view is View.NEEDS_HUMAN else selection.needs_human
    filters: list[_Filter | None] = [
        _Filter(lambda each: each.assignee_id, selection.person_id) if selection.view is View.MINE else None,
        _Filter(lambda each: each.needs_human, True) if needs_human else None,
        _Filter(lambda each: each.team_id, selection.team_id) if selection.team_id else None,
        _Filter(lambda each: each.is_unread, True) if selection.unread else None,
        _Filter(lambda each: each.instance_id, selection.instance_id) if selection.instance_id else None,
        _Filter(lambda each: each.assignee_id, None) if selection.view is View.UNASSIGNED else None,
        _Filter(lambda each: each.needs_human, False) if needs_human is False else None,
        _Filter(lambda each: each.is_unread, False) if selection.unread is False else None,
    ]
    return [each for each in filters if each is not None]


def _fits(conversation: Conversation, selection: Selection, filters: Sequence[_Filter]) -> bool:
    """Whether it fits what the index was not asked for."""
    if selection.view is View.WAITING and conversation.needs_reply_since is None:
        return False
    return all(each.matches(conversation) for each in filters) and _has_text(conversation, selection.text)


def _has_text(conversation: Conversation, text: str | None) -> bool:
    if not text:
        return True
    texts = (
        conversation.customer_name,
        conversation.customer_phone,
        conversation.external_user_id,
        conversation.summary,
    )
    return any(text.casefold() in each.casefold() for each in texts if each)


def _by_moment(
    query: Query[Conversation],
    moment: Moment,
    selection: Selection,
    filters: Sequence[_Filter],
    limit: int,
    cursor: str | None,
) -> tuple[list[Conversation], str | None]:
    """Those that have the moment, the earliest first, then the others, the latest message first."""
    waiting: list[Conversation] = []
    if cursor is None or not cursor.startswith(_OTHERS):
        by_moment = _having(query, moment).order_by(moment)
        waiting, cursor = _look(by_moment, limit, cursor, lambda each: _fits(each, selection, filters))
        if cursor is not None or (selection.view is View.WAITING and moment is _needs_reply_since):
            return waiting, cursor
        if len(waiting) == limit:
            return waiting, _OTHERS
    waiting_ids = {conversation.id for conversation in waiting}
    others, cursor = _look(
        _newest_first(query),
        limit - len(waiting),
        (cursor or "").removeprefix(_OTHERS) or None,
        lambda each: moment(each) is None and each.id not in waiting_ids and _fits(each, selection, filters),
    )
    return [*waiting, *others], cursor and _OTHERS + cursor


def _look(
    query: Query[Conversation], limit: int, cursor: str | None, fits: Callable[[Conversation], bool]
) -> tuple[list[Conversation], str | None]:
    """The conversations of some pages that fit, and the cursor of what follows."""
    fitting: list[Conversation] = []
    for _ in range(_MOST_PAGES):
        looked_at = query.page(limit - len(fitting), cursor)
        fitting += [conversation for conversation in looked_at.documents if fits(conversation)]
        cursor = looked_at.cursor
        if cursor is None or len(fitting) == limit:
            break
    return fitting, cursor


def _tagged(
    unit: UnitOfWork, tenant_id: str, selection: Selection, filters: Sequence[_Filter], limit: int, cursor: str | None
) -> tuple[list[Conversation], str | None]:
    fitting: list[Conversation] = []
    is_closed = selection.view is View.CLOSED
    query = conversation_tags.tagged(unit, tenant_id, selection.tag or "", is_closed=is_closed)
    for _ in range(_MOST_PAGES):
        entries = query.page(limit - len(fitting), cursor)
        conversation_ids = [entry.conversation_id for entry in entries.documents]
        fitting += [
            conversation
            for conversation in unit.conversations.owned_many(tenant_id, conversation_ids)
            if conversation.status is selection.status and _fits(conversation, selection, filters)
        ]
        cursor = entries.cursor
        if cursor is None or len(fitting) == limit:
            break
    return fitting, cursor
