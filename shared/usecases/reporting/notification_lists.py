"""Listing a tenant's notifications, and marking them as read."""

from __future__ import annotations

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.notifications import Notification

MAX_PAGE = 200


def list_page(
    deps: Deps, tenant_id: str, limit: int, cursor: str | None, *, unread_only: bool = False
) -> tuple[list[Notification], str | None]:
    """The tenant's notifications, the newest first."""
    query = UnitOfWork(deps.store).notifications.query()
    query = query.where(lambda notification: notification.tenant_id, "==", tenant_id)
    if unread_only:
        query = query.where(lambda notification: notification.read, "==", False)
    query = query.order_by(lambda notification: notification.created_at, descending=True)
    page = query.page(min(limit, MAX_PAGE), cursor)
    return page.documents, page.cursor


def mark_read(deps: Deps, tenant_id: str, notification_id: str) -> None:
    """Doing it again changes nothing. Raises `NotFound` for an unknown or foreign one."""

    def attempt(unit: UnitOfWork) -> None:
        unit.notifications.owned(tenant_id, notification_id).read = True

    run_with_retry(deps, attempt)
