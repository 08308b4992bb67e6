"""The notifications of one person: those for the whole business and their own, with what this person has read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.deps import Deps
from shared.documents.query import Query
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.notifications import Notification, ReadNotifications
from shared.errors import BadRequest

MOST = 200


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification as one person sees it."""

    notification: Notification
    is_read: bool


def list_page(
    deps: Deps, tenant_id: str, user_id: str, limit: int, cursor: str | None
) -> tuple[list[Notice], str | None]:
    """The latest first, and the cursor of the next page. Raises `BadRequest` for a cursor of another list.

    A page has more than `limit` only where several came in the same microsecond.
    """
    unit, limit, before = UnitOfWork(deps.store), min(limit, MOST), _time(cursor)
    everybodys = unit.notifications.query().where(lambda each: each.tenant_id, "==", tenant_id)
    own = unit.personal_notifications.query().where(lambda each: each.tenant_id, "==", tenant_id)
    own = own.where(lambda each: each.user_id, "==", user_id)
    latest = sorted(
        [*_latest(everybodys, before, limit), *_latest(own, before, limit)],
        key=lambda each: each.created_at,
        reverse=True,
    )
    page = [each for each in latest if len(latest) <= limit or each.created_at >= latest[limit - 1].created_at]
    marks = unit.read_notifications.owned_or_none(tenant_id, user_id)
    next_cursor = page[-1].created_at.isoformat().replace("+00:00", "Z") if len(page) >= limit else None
    return [Notice(each, _is_read(each, marks)) for each in page], next_cursor


def mark_read(deps: Deps, tenant_id: str, user_id: str, notification_id: str) -> None:
    """This person has read a notification; others still have to. Raises `NotFound`, also for somebody else's own."""

    def attempt(unit: UnitOfWork) -> None:
        unit.fetch(
            unit.personal_notifications.key(notification_id),
            unit.notifications.key(notification_id),
            unit.read_notifications.key(user_id),
        )
        own = unit.personal_notifications.owned_or_none(tenant_id, notification_id)
        if own is not None and own.user_id == user_id:
            own.read = True
            return
        notification = unit.notifications.owned(tenant_id, notification_id)
        marks = _marks(deps, unit, tenant_id, user_id)
        if not _is_read(notification, marks):
            marks.note(notification.id)

    run_with_retry(deps, attempt)


def mark_all_read(deps: Deps, tenant_id: str, user_id: str) -> None:
    """This person has read everything that there is by now."""

    def attempt(unit: UnitOfWork) -> None:
        marks = _marks(deps, unit, tenant_id, user_id)
        marks.until, marks.ids = deps.now(), []

    run_with_retry(deps, attempt)


def _time(cursor: str | None) -> datetime | None:
    try:
        before = datetime.fromisoformat(cursor) if cursor else None
    except ValueError:
        before = None
    if cursor and (before is None or before.tzinfo is None):
        raise BadRequest("the cursor does not belong to this list", {"cursor": "unknown"})
    return before


def _latest(query: Query[Notification], before: datetime | None, limit: int) -> Sequence[Notification]:
    if before is not None:
        query = query.where(lambda each: each.created_at, "<", before)
    return query.order_by(lambda each: each.created_at, descending=True).page(limit).documents


def _is_read(notification: Notification, marks: ReadNotifications | None) -> bool:
    return notification.read or (marks is not None and marks.covers(notification))


def _marks(deps: Deps, unit: UnitOfWork, tenant_id: str, user_id: str) -> ReadNotifications:
    marks = unit.read_notifications.owned_or_none(tenant_id, user_id)
    if marks is not None:
        return marks
    return unit.read_notifications.add(ReadNotifications(id=user_id, tenant_id=tenant_id, created_at=deps.now()))
