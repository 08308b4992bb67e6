"""Outbox items that failed for good: listed, and sent again."""

from __future__ import annotations

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.messages import MessageStatus
from shared.domain.outbox import OutboxItem, OutboxStatus
from shared.errors import Collision
from shared.usecases import realtime
from shared.usecases.outbox import enqueueing

MOST = 200


def list_outbox(
    deps: Deps, tenant_id: str, status: OutboxStatus, limit: int, cursor: str | None
) -> tuple[list[OutboxItem], str | None]:
    """The tenant's outbox items of one status, the newest first."""
    query = UnitOfWork(deps.store).outbox.query().where(lambda item: item.tenant_id, "==", tenant_id)
    query = query.where(lambda item: item.status, "==", status)
    page = query.order_by(lambda item: item.created_at, descending=True).page(min(limit, MOST), cursor)
    return page.documents, page.cursor


def redrive(deps: Deps, tenant_id: str, item_id: str) -> OutboxItem:
    """Send a dead item again, with its tries counted anew. Raises `NotFound`, and `Collision` for one not dead."""

    def attempt(unit: UnitOfWork) -> OutboxItem:
        item = unit.outbox.owned(tenant_id, item_id)
        if item.status is not OutboxStatus.DEAD:
            raise Collision("only a dead item can be sent again")
        item.status, item.open, item.attempts = OutboxStatus.PENDING, True, 0
        item.due_at = item.updated_at = deps.now()
        item.next_retry_at = item.reason = item.error = item.unknown_since = None
        if not item.is_change:
            unit.messages.patch(item_id, status=MessageStatus.PENDING, error=None)
            realtime.message_status_changed(deps, unit, item)
        unit.after_commit(lambda: enqueueing.wake(deps, item.tenant_id, item.conversation_id, None))
        return item

    return run_with_retry(deps, attempt)
