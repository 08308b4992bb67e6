"""Reading conversations, and changing their status, assignee, priority and tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from shared.deps import Deps
from shared.documents.query import Query
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation, ConversationStatus, LatestChange, Priority
from shared.domain.instances import ChannelType
from shared.domain.messages import Message
from shared.errors import BadRequest, Collision, NotFound, PreconditionFailed
from shared.usecases import realtime
from shared.usecases.conversations import assignees, conversation_tags, ownership, ratings, team_queues
from shared.usecases.customers import customers
from shared.usecases.service_levels import clocks

MOST = 200
MOST_TAGS = 50

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OTHERS = "others."
"""How the cursor of a page of those who wait for nothing begins."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One of these at most: each has an index, two of them have none."""

    channel: ChannelType | None = None
    assignee_id: str | None = None
    priority: Priority | None = None
    customer_id: str | None = None


NO_FILTER = Filter()


@dataclass(frozen=True, slots=True)
class Changes:
    """What to change; None leaves it. An empty `assignee_id` takes the assignee away; `tags` replace all.

    `asks_rating` is whether a customer whose conversation closes may be asked for a rating.
    """

    status: ConversationStatus | None = None
    assignee_id: str | None = None
    priority: Priority | None = None
    snoozed_until: datetime | None = None
    tags: tuple[str, ...] | None = None
    added_tags: tuple[str, ...] = ()
    removed_tags: frozenset[str] = frozenset()
    asks_rating: bool = True

    def changed_tags(self, former_tags: Sequence[str]) -> list[str]:
        """The tags that a conversation has afterwards."""
        tags = [*(former_tags if self.tags is None else self.tags), *self.added_tags]
        return [tag for tag in dict.fromkeys(tags) if tag not in self.removed_tags]


@dataclass(frozen=True, slots=True)
class Decider:
    """Who changes a conversation, a user or an API key by id, and the revisions of it that they have in mind.

    Without `revisions` any will do.
    """

    id: str | None = None
    revisions: frozenset[str] | None = None


SOMEBODY = Decider()


def get(deps: Deps, tenant_id: str, conversation_id: str) -> Conversation:
    """Raises `NotFound` for an unknown or foreign one."""
    return UnitOfWork(deps.store).conversations.owned(tenant_id, conversation_id)


def list_page(
    deps: Deps,
    tenant_id: str,
    status: ConversationStatus | None,
    limit: int,
    cursor: str | None,
    only: Filter = NO_FILTER,
) -> tuple[list[Conversation], str | None]:
    """The tenant's conversations, the latest message first, and the cursor of the next page."""
    query = UnitOfWork(deps.store).conversations.query()
    query = query.where(lambda conversation: conversation.tenant_id, "==", tenant_id)
    if status is not None:
        query = query.where(lambda conversation: conversation.status, "==", status)
    query = _narrowed(deps, tenant_id, query, only)
    query = query.order_by(lambda conversation: conversation.last_message_at, descending=True)
    page = query.page(min(limit, MOST), cursor)
    return page.documents, page.cursor


def list_active(deps: Deps, tenant_id: str, limit: int, cursor: str | None) -> tuple[list[Conversation], str | None]:
    """The tenant's open conversations: those that wait for an answer, the longest wait first, then the others, the
    latest message first; and the cursor of the next page.
    """
    limit = min(limit, MOST)
    waiting: list[Conversation] = []
    if cursor is None or not cursor.startswith(_OTHERS):
        by_wait = _waiting(deps, tenant_id).order_by(lambda conversation: conversation.needs_reply_since)
        first = by_wait.page(limit, cursor)
        waiting, cursor = first.documents, None
        if first.cursor or len(waiting) == limit:
            return waiting, first.cursor or _OTHERS
    # Those that wait are in this query too: one that began to wait, or was answered, just now must not be missing.
    latest = _open(deps, tenant_id).order_by(lambda conversation: conversation.last_message_at, descending=True)
    rest = latest.page(limit - len(waiting), (cursor or "").removeprefix(_OTHERS) or None)
    waiting_ids = {conversation.id for conversation in waiting}
    is_later_page = cursor is not None
    others = [
        conversation
        for conversation in rest.documents
        if conversation.id not in waiting_ids and not (is_later_page and conversation.needs_reply_since)
    ]
    return [*waiting, *others], rest.cursor and _OTHERS + rest.cursor


def count_open(deps: Deps, tenant_id: str) -> int:
    """How many conversations of the tenant are open; the store's index counts them."""
    return _open(deps, tenant_id).count()


def count_waiting(deps: Deps, tenant_id: str) -> int:
    """How many of the open conversations wait for an answer; the store's index counts them."""
    return _waiting(deps, tenant_id).count()


def _waiting(deps: Deps, tenant_id: str) -> Query[Conversation]:
    return _open(deps, tenant_id).where(lambda conversation: conversation.needs_reply_since, ">", _EPOCH)


def _open(deps: Deps, tenant_id: str) -> Query[Conversation]:
    query = UnitOfWork(deps.store).conversations.query()
    query = query.where(lambda conversation: conversation.tenant_id, "==", tenant_id)
    return query.where(lambda conversation: conversation.status, "==", ConversationStatus.OPEN)


def _narrowed(deps: Deps, tenant_id: str, query: Query[Conversation], only: Filter) -> Query[Conversation]:
    if only.channel is not None:
        query = query.where(lambda conversation: conversation.channel, "==", only.channel)
    if only.assignee_id is not None:
        query = query.where(lambda conversation: conversation.assignee_id, "==", only.assignee_id)
    if only.priority is not None:
        query = query.where(lambda conversation: conversation.priority, "==", only.priority)
    if only.customer_id is not None:
        customer_id = _current_customer_id(deps, tenant_id, only.customer_id)
        query = query.where(lambda conversation: conversation.customer_id, "==", customer_id)
    return query


def _current_customer_id(deps: Deps, tenant_id: str, customer_id: str) -> str:
    """The id of the customer that a merged customer became a part of."""
    try:
        return customers.current(UnitOfWork(deps.store), tenant_id, customer_id).id
    except NotFound:
        return customer_id


def messages_page(
    deps: Deps,
    tenant_id: str,
    conversation_id: str,
    limit: int,
    cursor: str | None,
    *,
    with_blocked: bool = False,
) -> tuple[list[Message], str | None]:
    """The newest messages, oldest first; the cursor leads to older ones. Raises `NotFound`.

    Without those of senders who may not write, unless they are asked for: a page may have fewer than `limit` then.
    """
    unit = UnitOfWork(deps.store)
    unit.conversations.owned(tenant_id, conversation_id)
    query = unit.messages.query().where(lambda message: message.conversation_id, "==", conversation_id)
    query = query.order_by(lambda message: message.sent_at, descending=True)
    query = query.order_by(lambda message: message.created_at, descending=True)
    page = query.page(min(limit, MOST), cursor)
    messages = [message for message in page.documents[::-1] if with_blocked or not message.blocked]
    return messages, page.cursor


def update(
    deps: Deps, tenant_id: str, conversation_id: str, changes: Changes, decider: Decider = SOMEBODY
) -> Conversation:
    """Change status, assignee, priority or tags, and tell the room.

    Closing lets the customer's next message start a new conversation; opening
    again is refused with `Collision` when there is one already. Raises `BadRequest`
    for a new assignee who is nobody, and `PreconditionFailed` for a conversation at another revision.
    """
    assignee_id = (changes.assignee_id or "").strip()

    def attempt(unit: UnitOfWork) -> Conversation:
        unit.fetch(unit.conversations.key(conversation_id), *assignees.keys(unit, tenant_id, assignee_id))
        conversation = unit.conversations.owned(tenant_id, conversation_id)
        if decider.revisions is not None and conversation.revision not in decider.revisions:
            raise _changed_meanwhile(unit, conversation)
        if assignee_id != conversation.assignee_id:
            assignees.check(unit, tenant_id, assignee_id)
        former_revision = conversation.revision
        is_surveyed = _apply(deps, unit, conversation, changes)
        if conversation.revision != former_revision:
            conversation.latest_change = LatestChange(by=decider.id, at=deps.now(), revision=conversation.revision)
        if not is_surveyed:
            realtime.conversation_updated(deps, unit, conversation)
        return conversation

    return run_with_retry(deps, attempt)


def _changed_meanwhile(unit: UnitOfWork, conversation: Conversation) -> PreconditionFailed:
    """Says who changed it, where that was a person or a program and not the hub itself."""
    change, who = conversation.latest_change, "somebody"
    is_latest = change is not None and change.revision == conversation.revision
    changer_id = change.by if change is not None and is_latest else conversation.holder_id  # who has taken it
    if changer_id is not None:
        user = unit.users.owned_or_none(conversation.tenant_id, changer_id)
        key = unit.api_keys.owned_or_none(conversation.tenant_id, changer_id) if user is None else None
        who = (user.name or user.email) if user else f"the API key {key.name}" if key else who
    return PreconditionFailed(f"{who} has changed the conversation since you read it: read it again, then decide")


def _apply(deps: Deps, unit: UnitOfWork, conversation: Conversation, changes: Changes) -> bool:
    """Returns whether the customer is asked for a rating, which announces the conversation too."""
    changes = _with_status(conversation, changes)
    conversation.updated_at = deps.now()
    unit.conversations.expect_unchanged(conversation)
    former_assignee_id = conversation.assignee_id
    closes = False
    if changes.status is not None and (changes.status is not conversation.status or _snoozes_anew(changes)):
        closes = _change_status(deps, unit, conversation, changes)
    if changes.assignee_id is not None:
        _assign(deps, unit, conversation, changes.assignee_id.strip() or None)
    if changes.priority is not None:
        conversation.priority = changes.priority
        conversation.order_in_queue()
    former_tags, conversation.tags = conversation.tags, changes.changed_tags(conversation.tags)
    if len(conversation.tags) > MOST_TAGS:
        raise BadRequest.of_field("tags", f"a conversation has {MOST_TAGS} tags at most")
    conversation_tags.index(unit, conversation, former_tags, deps.now())
    clocks.follow(deps, conversation)
    if conversation.status is not ConversationStatus.OPEN or conversation.assignee_id != former_assignee_id:
        team_queues.make_room(deps, unit, conversation, former_assignee_id)
    return closes and changes.asks_rating and ratings.send_survey(deps, unit, conversation)


def _assign(deps: Deps, unit: UnitOfWork, conversation: Conversation, assignee_id: str | None) -> None:
    """Give it to somebody; that of a team with people waits until one of them is free."""
    ownership.assign(deps, unit, conversation, assignee_id)
    team = unit.agent_teams.owned_or_none(conversation.tenant_id, assignee_id) if assignee_id else None
    if team is not None and team.assigns_people and conversation.status is not ConversationStatus.CLOSED:
        conversation.team_id = team.id
        team_queues.join(deps, unit, conversation, team)


def _with_status(conversation: Conversation, changes: Changes) -> Changes:
    """A time alone is one to sleep until for a conversation that sleeps; raises `BadRequest` for any other."""
    if changes.status is not None or changes.snoozed_until is None:
        return changes
    if conversation.status is not ConversationStatus.SNOOZED:
        reason = "goes with the status snoozed"
        raise BadRequest.of_field("snoozed_until", reason)
    return replace(changes, status=ConversationStatus.SNOOZED)


def _snoozes_anew(changes: Changes) -> bool:
    """Whether one that is snoozed already is to sleep until another time."""
    return changes.status is ConversationStatus.SNOOZED and changes.snoozed_until is not None


def _change_status(deps: Deps, unit: UnitOfWork, conversation: Conversation, changes: Changes) -> bool:
    """Returns whether this closes a conversation that was the open one at its address."""
    if changes.status is ConversationStatus.CLOSED:
        return _close(deps, unit, conversation)
    if changes.status is ConversationStatus.OPEN:
        reopen(deps, unit, conversation)
        conversation.status, conversation.snoozed_until = ConversationStatus.OPEN, None
        return False
    if changes.snoozed_until is None or changes.snoozed_until <= deps.now():
        raise BadRequest.of_field("snoozed_until", "is missing or past", "say until when, in the future")
    reopen(deps, unit, conversation)
    conversation.status, conversation.snoozed_until = ConversationStatus.SNOOZED, changes.snoozed_until
    return False


def _close(deps: Deps, unit: UnitOfWork, conversation: Conversation) -> bool:
    """The version of the identity keeps a message from being stored in the conversation meanwhile."""
    ratings.count_resolved(deps, unit, conversation)
    conversation.give_to_bot()
    conversation.leave_queue()
    conversation.status, conversation.closed_at = ConversationStatus.CLOSED, deps.now()
    conversation.needs_reply_since, conversation.needs_human, conversation.snoozed_until = None, False, None
    conversation.mark_read()
    conversation_tags.follow_status(unit, conversation)
    identity = unit.identities.owned_or_none(conversation.tenant_id, conversation.identity_id)
    if identity is None or identity.conversation_id != conversation.id:
        return False
    identity.conversation_id = identity.waiting_since = None
    return True


def reopen(deps: Deps, unit: UnitOfWork, conversation: Conversation) -> None:
    """Open a closed conversation again; any other stays as it is.

    Raises `Collision` when there is another open one at the address.
    """
    if conversation.status is not ConversationStatus.CLOSED:
        return
    identity = unit.identities.owned_or_none(conversation.tenant_id, conversation.identity_id)
    if identity is not None:
        if identity.conversation_id not in (None, conversation.id):
            raise Collision("the customer has another one open on this channel")
        identity.conversation_id = conversation.id
        unit.identities.expect_unchanged(identity)
    ratings.count_reopened(deps, unit, conversation)
    conversation.status, conversation.closed_at = ConversationStatus.OPEN, None
    conversation.sla.opened_at = deps.now()
    conversation_tags.follow_status(unit, conversation)
