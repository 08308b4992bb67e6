"""What is done once a minute: finish what a crash left, wake what is snoozed, notify of customers who wait.

A step or a document that fails is logged, and the others are done all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel

from shared.deps import Deps
from shared.documents.query import DocumentUnit, Query
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.availability import Availability
from shared.domain.calls import Call
from shared.domain.campaigns import Campaign
from shared.domain.conversations import Conversation, ConversationStatus, Priority
from shared.domain.ids import stable_id
from shared.domain.notifications import Notification
from shared.domain.outbox import OutboxItem
from shared.domain.webhook_endpoints import WebhookDelivery, WebhookEndpoint
from shared.errors import Conflict, StoreError
from shared.usecases import audit, event_log, realtime
from shared.usecases.accounts import availabilities
from shared.usecases.campaigns import campaign_sending, campaign_settling, campaigns
from shared.usecases.conversations import assignment, calls, file_copying, file_retention, ownership, team_queues
from shared.usecases.data_rights import erasing
from shared.usecases.delivery import status_checks
from shared.usecases.endpoints import delivering
from shared.usecases.instances import holders, removals
from shared.usecases.outbox import enqueueing
from shared.usecases.reporting import metrics, rollups
from shared.usecases.reporting.notifications import notify_once
from shared.usecases.service_levels import clocks

M = TypeVar("M", bound=BaseModel)

log = logging.getLogger(__name__)

_PAGE = 200
# One run ends well within its minute; the next run does the rest.
_MOST_PAGES = 25
_ALERT_AFTER = timedelta(minutes=5)
# Longer than a session may wait before it becomes urgent, or the sweep stand still; what waits longer was notified of.
_ALERT_WITHIN = timedelta(days=1)


def sweep(deps: Deps) -> dict[str, int]:
    """Take every step; returns how many documents each found. A failed step counts as 0.

    Raises `StoreError`, after the last step, when the store could not be reached.
    """
    counts: dict[str, int] = {}
    store_error: StoreError | None = None
    for name, step in _steps().items():
        counts[name] = 0
        try:
            counts[name] = step(deps)
        except StoreError as error:
            log.warning("the store did not answer a step of the sweep: %s", error.detail, extra={"step": name})
            store_error = error
        except Exception:
            log.exception("a step of the sweep failed", extra={"step": name})
    if any(counts.values()):
        log.info("swept", extra=counts)
    if store_error is not None:
        raise store_error
    metrics.outbox(deps)
    return counts


def _steps() -> dict[str, Callable[[Deps], int]]:
    return {
        "overdue": _wake_overdue,
        "woken": _wake_snoozed,
        "pauses_over": _end_pauses,
        "alerts": _alert_of_waiting,
        "overdue_by_policy": _warn_of_due,
        "passed_on": _pass_on_unanswered,
        "queued": _wake_queues,
        "people": _wake_people,
        "calls_closed": _close_calls,
        "rolled_up": rollups.roll_up,
        "campaigns_due": campaigns.begin_scheduled,
        "campaign_messages": campaign_sending.send_due,
        "campaigns_settled": _settle_campaigns,
        "files_copied": file_copying.hand_out_due,
        "files_deleted": file_retention.delete_old,
        "webhooks_called": _wake_webhooks,
        "audited": audit.append_new,
        "erasures": erasing.work_off,
        "removed": removals.retry_due,
        "unheld": holders.provide,
        "asked_after": status_checks.check_due_accounts,
    }


def _for_each(query: Query[M], action: Callable[[UnitOfWork, M], None]) -> int:
    """Act on each document that the query finds, in a unit of its own; returns how many there are."""
    cursor: str | None = None
    count = 0
    for _ in range(_MOST_PAGES):
        page = query.unit_page(_PAGE, cursor)
        for document in page.documents:
            _act(document, action)
        count += len(page.documents)
        cursor = page.cursor
        if cursor is None:
            break
    return count


def _act(document: DocumentUnit[M], action: Callable[[UnitOfWork, M], None]) -> None:
    unit = document.unit
    if not document.is_readable:
        return
    try:
        action(unit, document.read())
        unit.commit()
        unit.run_after_commit()
    except Conflict:  # somebody else has changed it; if it is still due, the next run finds it
        return
    except StoreError:
        raise
    except Exception:
        log.exception(
            "the sweep failed at a document",
            extra={"collection": document.schema.collection, "document_id": document.id},
        )


def _wake_overdue(deps: Deps) -> int:
    def wake(unit: UnitOfWork, item: OutboxItem) -> None:
        enqueueing.wake(deps, item.tenant_id, item.conversation_id, None)

    query = UnitOfWork(deps.store).outbox.query().where(lambda item: item.open, "==", True)
    return _for_each(query.where(lambda item: item.due_at, "<=", deps.now()).order_by(lambda item: item.due_at), wake)


def _wake_snoozed(deps: Deps) -> int:
    def wake(unit: UnitOfWork, conversation: Conversation) -> None:
        conversation.status, conversation.snoozed_until = ConversationStatus.OPEN, None
        conversation.updated_at = deps.now()
        realtime.conversation_updated(deps, unit, conversation)

    query = UnitOfWork(deps.store).conversations.query()
    query = query.where(lambda conversation: conversation.status, "==", ConversationStatus.SNOOZED)
    query = query.where(lambda conversation: conversation.snoozed_until, "<=", deps.now())
    return _for_each(query.order_by(lambda conversation: conversation.snoozed_until), wake)


def _end_pauses(deps: Deps) -> int:
    def end(unit: UnitOfWork, conversation: Conversation) -> None:
        ownership.ask_for_reply(deps, conversation)

    query = UnitOfWork(deps.store).conversations.query()
    query = query.where(lambda conversation: conversation.pause_ends_at, "<=", deps.now())
    return _for_each(query.order_by(lambda conversation: conversation.pause_ends_at), end)


def _alert_of_waiting(deps: Deps) -> int:
    def alert(unit: UnitOfWork, conversation: Conversation) -> None:
        notify_once(
            deps,
            Notification(
                id=stable_id("waiting", conversation.id, str(conversation.needs_reply_since)),
                tenant_id=conversation.tenant_id,
                type="session_alert",
                title="High Priority Session",
                message="Customer waiting for 5+ minutes",
                conversation_id=conversation.id,
                created_at=deps.now(),
            ),
        )

    query = UnitOfWork(deps.store).conversations.query()
    query = query.where(lambda conversation: conversation.status, "==", ConversationStatus.OPEN)
    query = query.where_in(lambda conversation: conversation.priority, [Priority.HIGH, Priority.URGENT])
    query = query.where(lambda conversation: conversation.needs_reply_since, "<=", deps.now() - _ALERT_AFTER)
    query = query.where(lambda conversation: conversation.needs_reply_since, ">", deps.now() - _ALERT_WITHIN)
    return _for_each(query.order_by(lambda conversation: conversation.needs_reply_since), alert)


def _warn_of_due(deps: Deps) -> int:
    def warn(unit: UnitOfWork, conversation: Conversation) -> None:
        clocks.warn(deps, unit, conversation)

    return _for_each(clocks.due(deps), warn)


def _settle_campaigns(deps: Deps) -> int:
    def settle(unit: UnitOfWork, campaign: Campaign) -> None:
        campaign_settling.wake(deps, campaign)

    return _for_each(campaign_settling.unsettled(deps), settle)


def _pass_on_unanswered(deps: Deps) -> int:
    def pass_on(unit: UnitOfWork, conversation: Conversation) -> None:
        assignment.pass_on(deps, unit, conversation)

    return _for_each(assignment.unanswered(deps), pass_on)


def _wake_queues(deps: Deps) -> int:
    def wake(unit: UnitOfWork, conversation: Conversation) -> None:
        team_queues.wake_again(deps, conversation)

    return _for_each(team_queues.due(deps), wake)


def _wake_people(deps: Deps) -> int:
    def wake(unit: UnitOfWork, person: Availability) -> None:
        availabilities.wake(deps, person.tenant_id, person_id=person.id)

    return _for_each(availabilities.due(deps), wake)


def _wake_webhooks(deps: Deps) -> int:
    def wake(unit: UnitOfWork, delivery: WebhookDelivery) -> None:
        delivering.wake(deps, delivery)

    def wake_all(unit: UnitOfWork, endpoint: WebhookEndpoint) -> None:
        event_log.wake_lane(deps, endpoint.tenant_id, endpoint.id, "")

    return _for_each(delivering.due(deps), wake) + _for_each(delivering.due_endpoints(deps), wake_all)


def _close_calls(deps: Deps) -> int:
    def close(unit: UnitOfWork, call: Call) -> None:
        calls.close(deps, unit, call)

    return _for_each(calls.overdue(deps), close)
