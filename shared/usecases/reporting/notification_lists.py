"""Reading a tenant's notifications, and keeping which were read."""

from __future__ import annotations

from shared.deps import Deps
from shared.domain.notifications import Notification
from shared.errors import NotFound
from shared.ports.store import Merge, Order, Where
from shared.usecases import refs
from shared.usecases.retrying import decide

MOST = 200


def list_page(
    deps: Deps, tenant_id: str, limit: int, cursor: str | None, *, unread_only: bool = False
) -> tuple[list[Notification], str | None]:
    """The tenant's notifications, the newest first."""
    where = [Where("tenant_id", "==", tenant_id)]
    if unread_only:
        where.append(Where("read", "==", False))
    page = deps.store.find("notifications", where, [Order("created_at", descending=True)], min(limit, MOST), cursor)
    return [Notification.model_validate(document.data) for document in page.documents], page.cursor


def mark_read(deps: Deps, tenant_id: str, notification_id: str) -> None:
    """Doing it again changes nothing. Raises `NotFound` for an unknown or foreign one."""
    ref = refs.notification(notification_id)

    def attempt() -> None:
        document = deps.store.get([ref]).get(ref)
        if document is None or document.data.get("tenant_id") != tenant_id:
            raise NotFound("there is no such notification")
        if not document.data["read"]:
            deps.store.commit([Merge(ref, {"read": True}, document.version)])

    decide(attempt)
