"""The log lines that Cloud Logging makes metrics of, one for each message in and one for each attempt to send.

`terraform/modules/app/monitoring.tf` names their texts and fields; times are in seconds. The channel is the adapter's
name.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.events import InboundEvent
from shared.domain.instances import Instance
from shared.domain.messages import Message
from shared.domain.outbox import OutboxItem

log = logging.getLogger(__name__)


def message_stored(deps: Deps, instance: Instance, event: InboundEvent, message: Message) -> None:
    """Log how long after its webhook a message was stored."""
    lag = _seconds(deps.now() - event.received_at)
    log.info("a message was stored", extra={"channel": instance.adapter, "message_id": message.id, "lag_seconds": lag})


def message_sent(instance: Instance, item: OutboxItem, now: datetime) -> None:
    """Log how long an accepted message waited, and how long the customer did, if it answers one."""
    fields: dict[str, object] = {"outbox_seconds": _seconds(now - item.created_at)}
    if item.waiting_since is not None:
        fields["reply_seconds"] = _seconds(now - item.waiting_since)
    log.info("a message was sent", extra={"channel": instance.adapter, "message_id": item.id, **fields})


def message_postponed(instance: Instance, item: OutboxItem, pause: float, why: str) -> None:
    """Log that a provider could not accept a message now."""
    fields = {"channel": instance.adapter, "message_id": item.id, "reason": "unavailable"}
    log.warning("a message will be tried again", extra={**fields, "seconds": round(pause), "why": why})


def message_dead(instance: Instance | None, item: OutboxItem, reason: str, why: str) -> None:
    """Log that a message will not be sent any more."""
    fields = {"channel": instance.adapter if instance else "unknown", "message_id": item.id}
    log.error("a message died", extra={**fields, "reason": reason, "why": why})


def outbox(deps: Deps) -> None:
    """Log how many messages wait to be sent, of all tenants, and for how long the oldest has."""
    open_items = UnitOfWork(deps.store).outbox.query().where(lambda item: item.open, "==", True)
    depth = open_items.count()
    oldest = open_items.order_by(lambda item: item.created_at).first() if depth else None
    age = _seconds(deps.now() - oldest.created_at) if oldest else 0.0
    log.info("the outbox was measured", extra={"depth": depth, "oldest_seconds": age})


def _seconds(duration: timedelta) -> float:
    # Clocks of two machines may differ; nothing is handled before it arrived.
    return max(0.0, round(duration.total_seconds(), 3))
