"""Keeping who of a tenant's people is there, how much they take, and what they are good at.

Whoever is given conversations has a document of their own. Each change that may free somebody, or have their
conversations taken away, sets its `due_at` and publishes an event; where a crash loses that, the sweep publishes
another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from shared.deps import Deps
from shared.documents.query import Query
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Principal, Role, User
from shared.domain.availability import Availability, Presence
from shared.domain.conversations import ConversationStatus
from shared.domain.events import OutboundEvent, Topic
from shared.errors import Forbidden
from shared.logs import current_trace
from shared.usecases import realtime

MAX_PAGE = 50
_MOST_COUNTED = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SWEEP_AFTER = timedelta(seconds=60)
_SIGN_EVERY = timedelta(minutes=1)
"""A page gives signs all the time; one is written down as often as this."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can answer, and how many open conversations they have, up to a thousand."""

    user: User
    availability: Availability
    open_conversations: int


def list_people(deps: Deps, tenant_id: str, limit: int, cursor: str | None) -> tuple[list[Person], str | None]:
    """Users who can answer, the oldest first, and the cursor of the next page; a page may have fewer than `limit`."""
    unit = UnitOfWork(deps.store)
    users = unit.users.query().where(lambda user: user.tenant_id, "==", tenant_id)
    page = users.order_by(lambda user: user.created_at).page(min(limit, MAX_PAGE), cursor)
    people = [user for user in page.documents if user.role.covers(Role.AGENT)]
    by_user = {each.id: each for each in unit.availabilities.owned_many(tenant_id, [user.id for user in people])}
    return [
        Person(
            user,
            by_user.get(user.id) or Availability(id=user.id, tenant_id=tenant_id),
            count_open(unit, tenant_id, user.id),
        )
        for user in people
    ], page.cursor


def count_open(unit: UnitOfWork, tenant_id: str, user_id: str) -> int:
    """How many open conversations a person has, up to a thousand; the inbox's index counts them."""
    query = unit.conversations.query().where(lambda conversation: conversation.tenant_id, "==", tenant_id)
    query = query.where(lambda conversation: conversation.status, "==", ConversationStatus.OPEN)
    query = query.where(lambda conversation: conversation.assignee_id, "==", user_id)
    return query.where(lambda each: each.last_message_at, ">", _EPOCH).count(_MOST_COUNTED)


def read(deps: Deps, tenant_id: str, user_id: str) -> Availability:
    """Raises `NotFound` for an unknown user."""
    unit = UnitOfWork(deps.store)
    unit.fetch(unit.users.key(user_id), unit.availabilities.key(user_id))
    user = unit.users.owned(tenant_id, user_id)
    return unit.availabilities.owned_or_none(tenant_id, user_id) or Availability(id=user.id, tenant_id=tenant_id)


def change(deps: Deps, caller: Principal, user_id: str, changes: Mapping[str, Any]) -> Availability:
    """Change `status`, `capacity` or `skills`; a `status` of None leaves it to the person's pages again.

    Everybody may do so for themselves, and admins for everybody. Raises `Forbidden` and `NotFound`.
    """

    def attempt(unit: UnitOfWork) -> Availability:
        unit.fetch(unit.users.key(user_id), unit.availabilities.key(user_id))
        user = unit.users.owned(caller.tenant_id, user_id)
        if user.id != caller.user_id and not caller.role.covers(Role.ADMIN):
            raise Forbidden("Only admins may change the availability of others")
        availability = get_or_add(unit, caller.tenant_id, user_id)
        fields = dict(changes)
        if "status" in fields:
            status = fields.pop("status")
            availability.is_chosen, availability.seen_at = status is not None, None
            become(deps, unit, availability, status or Presence.OFFLINE)
        unit.availabilities.change(availability, fields)
        have_looked_at(deps, unit, availability)
        return availability

    return run_with_retry(deps, attempt)


def note_sign(deps: Deps, tenant_id: str, user_id: str) -> None:
    """A page of the person's is open: they are online, unless somebody has set otherwise.

    Costs a read, and a write once a minute; nothing else for people who are given no conversations.
    """

    def attempt(unit: UnitOfWork) -> None:
        availability, now = unit.availabilities.owned_or_none(tenant_id, user_id), deps.now()
        if availability is None or (availability.is_chosen and availability.status is Presence.OFFLINE):
            return
        if availability.seen_at is not None and now - availability.seen_at < _SIGN_EVERY:
            return
        is_new = availability.status is Presence.OFFLINE
        availability.seen_at = now
        if is_new:
            become(deps, unit, availability, Presence.ONLINE)
            have_looked_at(deps, unit, availability)
        else:
            availability.due_at = availability.next_due(now, timedelta())

    run_with_retry(deps, attempt)


def get_or_add(unit: UnitOfWork, tenant_id: str, user_id: str) -> Availability:
    """The availability of one of the tenant's users."""
    availability = unit.availabilities.owned_or_none(tenant_id, user_id)
    return availability or unit.availabilities.add(Availability(id=user_id, tenant_id=tenant_id))


def become(deps: Deps, unit: UnitOfWork, availability: Availability, status: Presence) -> None:
    """Change a person's status, and tell clients where it is another one."""
    if status is not availability.status:
        unit.after_commit(partial(realtime.presence_changed, deps, availability))
    availability.become(status, deps.now())


def note_removal(deps: Deps, unit: UnitOfWork, user: User) -> None:
    """A user is removed, or may only look on from now on: others are to have their conversations."""
    availability = get_or_add(unit, user.tenant_id, user.id)
    availability.is_gone = True
    become(deps, unit, availability, Presence.OFFLINE)
    have_looked_at(deps, unit, availability)


def have_looked_at(deps: Deps, unit: UnitOfWork, availability: Availability) -> None:
    """Have it acted upon what has changed for a person, in the unit that has read them."""
    availability.due_at = deps.now() + _SWEEP_AFTER
    unit.after_commit(partial(wake, deps, availability.tenant_id, person_id=availability.id))


def wake(deps: Deps, tenant_id: str, *, person_id: str | None = None, team_id: str | None = None) -> None:
    """Have somebody who has time look at a person, or at a team's queue."""
    trace = current_trace()
    event = OutboundEvent(
        tenant_id=tenant_id,
        person_id=person_id,
        team_id=team_id,
        request_id=trace.request_id if trace else None,
        traceparent=trace.traceparent if trace else None,
    )
    deps.bus.publish(Topic.OUTBOUND, event, key=str(team_id or person_id))


def due(deps: Deps) -> Query[Availability]:
    """The people at whom the sweep has to look."""
    query = UnitOfWork(deps.store).availabilities.query()
    query = query.where(lambda availability: availability.due_at, "<=", deps.now())
    return query.order_by(lambda availability: availability.due_at)
