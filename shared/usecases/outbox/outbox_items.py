"""What died: outbox items a provider refused, and events a consumer could not handle; listed and sent again."""

from __future__ import annotations

from shared.deps import Deps
from shared.domain.messages import MessageStatus, OutboxItem, OutboxStatus
from shared.errors import Collision, NotFound
from shared.ports.store import Document, Merge, Order, Where
from shared.usecases import refs
from shared.usecases.outbox import enqueueing
from shared.usecases.retrying import decide

MOST = 200


def list_outbox(
    deps: Deps, tenant_id: str, status: OutboxStatus, limit: int, cursor: str | None
) -> tuple[list[OutboxItem], str | None]:
    """The tenant's outbox items of one status, the newest first."""
    page = deps.store.find(
        "outbox",
        [Where("tenant_id", "==", tenant_id), Where("status", "==", status.value)],
        [Order("created_at", descending=True)],
        limit=min(limit, MOST),
        cursor=cursor,
    )
    return [OutboxItem.model_validate(document.data) for document in page.documents], page.cursor


def redrive(deps: Deps, tenant_id: str, item_id: str) -> OutboxItem:
    """Send a dead item again, with its tries counted anew. Raises `NotFound`, and `Collision` for one not dead."""
    item = decide(lambda: _revive(deps, tenant_id, item_id))
    enqueueing.wake(deps, item.tenant_id, item.conversation_id, None)
    return item


def _revive(deps: Deps, tenant_id: str, item_id: str) -> OutboxItem:
    document = _read(deps, tenant_id, item_id)
    if document.data["status"] != OutboxStatus.DEAD.value:
        raise Collision("only a dead item can be sent again")
    now = deps.now()
    alive = {
        "status": OutboxStatus.PENDING.value,
        "open": True,
        "attempts": 0,
        "due_at": now,
        "next_retry_at": None,
        "reason": None,
        "error": None,
        "updated_at": now,
    }
    status = {"status": MessageStatus.PENDING.value, "error": None}
    deps.store.commit([Merge(document.ref, alive, document.version), Merge(refs.message(item_id), status)])
    return OutboxItem.model_validate(document.data | alive)


def _read(deps: Deps, tenant_id: str, item_id: str) -> Document:
    ref = refs.outbox(item_id)
    document = deps.store.get([ref]).get(ref)
    if document is None or document.data.get("tenant_id") != tenant_id:
        raise NotFound("there is no such outbox item")
    return document
