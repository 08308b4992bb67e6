"""Showing with an instance that its provider's calls are refused: most providers do not repeat such a call."""

from __future__ import annotations

import logging
from datetime import timedelta

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.ids import new_id
from shared.domain.instances import Instance
from shared.domain.notifications import Notification
from shared.errors import HubError
from shared.usecases.instances.instance_documents import label
from shared.usecases.instances.status_details import reported
from shared.usecases.reporting import notifications

log = logging.getLogger(__name__)

# A day without a refused call ends a series, of which the tenant is notified once.
_SERIES = timedelta(days=1)
_MAX_CHARACTERS = 500


def note_refused_webhook(deps: Deps, instance: Instance, reason: str) -> None:
    """Count a refused call with its instance, and notify of the first one; written once a minute at most."""
    count = deps.refusals.add(instance.id, deps.now())
    if not count:
        return
    try:
        run_with_retry(deps, lambda unit: _note(deps, unit, instance, reason, count))
    except HubError as error:
        log.warning("a refused webhook was not counted", extra={"instance_id": instance.id, "why": error.detail})


def _note(deps: Deps, unit: UnitOfWork, instance: Instance, reason: str, count: int) -> None:
    now = deps.now()
    stored = unit.instances.owned_or_none(instance.tenant_id, instance.id)
    if stored is None:
        return
    before = stored.webhook
    stored.webhook = before.model_copy(
        update={
            "refused_count": before.refused_count + count,
            "refused_at": now,
            "refusal": reported(stored, reason),
        }
    )
    if before.refused_at is not None and now - before.refused_at < _SERIES:
        return
    message = (
        f"{label(stored)} refuses calls that should come from its provider, and what they bring is lost: {reason}. "
        "If messages are missing, connect the channel again."
    )
    notifications.add(
        deps,
        unit,
        Notification(
            id=new_id(),
            tenant_id=stored.tenant_id,
            type="channel_error",
            title="Webhook Refused",
            message=message[:_MAX_CHARACTERS],
            created_at=now,
        ),
    )
