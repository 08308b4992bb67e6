"""The lines that Cloud Logging makes metrics of, one for each message in and one for each attempt to send.

`terraform/modules/app/monitoring.tf` knows their words and fields; times are in seconds. The channel is the adapter's
name.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from shared.deps import Deps
from shared.domain.events import InboundEvent
from shared.domain.instances import Instance
from shared.domain.messages import Message, OutboxItem
from shared.ports.store import Order, Where

log = logging.getLogger(__name__)


def stored(deps: Deps, instance: Instance, event: InboundEvent, message: Message) -> None:
    """Tell how long after its webhook a message was stored."""
    lag = _seconds(deps.now() - event.received_at)
    log.info("a message was stored", extra={"channel": instance.adapter, "message_id": message.id, "lag_seconds": lag})


def sent(instance: Instance, item: OutboxItem, now: datetime) -> None:
    """Tell how long an accepted message waited, and the customer, if it answers one."""
    told: dict[str, object] = {"outbox_seconds": _seconds(now - item.created_at)}
    if item.waiting_since is not None:
        told["reply_seconds"] = _seconds(now - item.waiting_since)
    log.info("a message was sent", extra={"channel": instance.adapter, "message_id": item.id, **told})


def put_off(instance: Instance, item: OutboxItem, pause: float, why: str) -> None:
    """Tell that a provider could not take a message now."""
    told = {"channel": instance.adapter, "message_id": item.id, "reason": "unavailable"}
    log.warning("a message will be tried again", extra={**told, "seconds": round(pause), "why": why})


def died(instance: Instance | None, item: OutboxItem, reason: str, why: str) -> None:
    """Tell that a message will not be sent any more."""
    told = {"channel": instance.adapter if instance else "unknown", "message_id": item.id}
    log.error("a message died", extra={**told, "reason": reason, "why": why})


def outbox(deps: Deps) -> None:
    """Tell how many messages wait to be sent, of all tenants, and for how long the oldest has."""
    waiting = [Where("open", "==", True)]
    depth = deps.store.count("outbox", waiting)
    oldest = deps.store.find("outbox", waiting, [Order("created_at")], limit=1).documents if depth else []
    age = _seconds(deps.now() - oldest[0].data["created_at"]) if oldest else 0.0
    log.info("the outbox was measured", extra={"depth": depth, "oldest_seconds": age})


def _seconds(time: timedelta) -> float:
    # Clocks of two machines may differ; nothing is handled before it came.
    return max(0.0, round(time.total_seconds(), 3))
