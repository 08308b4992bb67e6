"""What a schedule has to do once a minute: pick up what crashes left, wake what sleeps, tell of who waits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from shared.deps import Deps
from shared.domain.conversations import Conversation, ConversationStatus, Priority
from shared.domain.ids import stable_id
from shared.domain.notifications import Notification
from shared.errors import Conflict
from shared.ports.store import Document, Merge, Order, Where
from shared.usecases import realtime
from shared.usecases.campaigns import campaign_sending
from shared.usecases.conversations import calls
from shared.usecases.instances import status_checks
from shared.usecases.instances.missing_holders import Unheld
from shared.usecases.outbox import enqueueing
from shared.usecases.reporting import metrics, rollups
from shared.usecases.reporting.notifications import notify_once

log = logging.getLogger(__name__)

_PAGE = 200
# One run ends well within its minute; what is left is the next run's.
_MOST_PAGES = 25
_ALERT_AFTER = timedelta(minutes=5)
# Longer than a session may wait before it becomes urgent, or the sweep stand still; what waits longer is known by then.
_ALERT_WITHIN = timedelta(days=1)


def sweep(deps: Deps) -> dict[str, int]:
    """Do all of it; returns how many of each were found."""
    done = {
        "overdue": _pages(
            deps,
            partial(_wake_overdue, Unheld(deps)),
            "outbox",
            [Where("open", "==", True), Where("due_at", "<=", deps.now())],
            "due_at",
        ),
        "woken": _pages(deps, _wake_snoozed, "conversations", _snoozed(deps), "snoozed_until"),
        "alerts": _pages(deps, _alert, "conversations", _waiting(deps), "needs_reply_since"),
        "calls_closed": _pages(deps, calls.close_overdue, "calls", calls.overdue(deps), "started_at"),
        "rolled_up": rollups.roll_up(deps),
        "campaign_messages": campaign_sending.send_due(deps),
        "asked_after": status_checks.reconcile(deps),
    }
    if any(done.values()):
        log.info("swept", extra=done)
    metrics.outbox(deps)
    return done


def _pages(
    deps: Deps, act: Callable[[Deps, Document], None], collection: str, where: Sequence[Where], order: str
) -> int:
    cursor: str | None = None
    seen = 0
    for _ in range(_MOST_PAGES):
        page = deps.store.find(collection, where, [Order(order)], limit=_PAGE, cursor=cursor)
        for document in page.documents:
            act(deps, document)
        seen += len(page.documents)
        cursor = page.cursor
        if cursor is None:
            break
    return seen


def _wake_overdue(unheld: Unheld, deps: Deps, document: Document) -> None:
    unheld.look(document)
    enqueueing.wake(deps, str(document.data["tenant_id"]), str(document.data["conversation_id"]), None)


def _snoozed(deps: Deps) -> list[Where]:
    return [Where("status", "==", ConversationStatus.SNOOZED.value), Where("snoozed_until", "<=", deps.now())]


def _wake_snoozed(deps: Deps, document: Document) -> None:
    changed = {"status": ConversationStatus.OPEN.value, "snoozed_until": None, "updated_at": deps.now()}
    try:
        deps.store.commit([Merge(document.ref, changed, document.version)])
    except Conflict:
        return
    realtime.conversation_updated(deps, Conversation.model_validate(document.data | changed))


def _waiting(deps: Deps) -> list[Where]:
    return [
        Where("status", "==", ConversationStatus.OPEN.value),
        Where("priority", "in", [Priority.HIGH.value, Priority.URGENT.value]),
        Where("needs_reply_since", "<=", deps.now() - _ALERT_AFTER),
        Where("needs_reply_since", ">", deps.now() - _ALERT_WITHIN),
    ]


def _alert(deps: Deps, document: Document) -> None:
    conversation = Conversation.model_validate(document.data)
    notify_once(
        deps,
        Notification(
            id=stable_id("waiting", conversation.id, str(conversation.needs_reply_since)),
            tenant_id=conversation.tenant_id,
            type="session_alert",
            title="High Priority Session",
            message="Customer waiting for 5+ minutes",
            created_at=deps.now(),
        ),
    )
