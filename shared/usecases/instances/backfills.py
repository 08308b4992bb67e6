"""Fetching what was said while a provider's calls did not arrive: after a return of either side, and once a day."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel

from shared import channels
from shared.channel.lifecycle import PastMessage, SupportsBackfill
from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.events import InboundEvent, Topic
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import BadRequest, NotFound, ProviderError
from shared.usecases.instances import instance_config, instance_lookup

log = logging.getLogger(__name__)

_INTERVAL = timedelta(days=1)
# A hub that checked an account this long ago was down itself.
_SILENCE = timedelta(minutes=10)
# What was under way at the time of the last backfill may be older than it.
_OVERLAP = timedelta(minutes=10)
_LONGEST = timedelta(days=3)
_READ_AT_ONCE = 100


def backfill_when_due(deps: Deps, before: Instance, checked_before: datetime | None) -> None:
    """Publish the messages that the hub has not got, if the account is connected; `before` is as it was when checked.

    The first time only notes when: what was said before the hub had the account is not its own.
    """
    module = channels.ability(before.adapter, SupportsBackfill[BaseModel])
    instance = UnitOfWork(deps.store).instances.owned_or_none(before.tenant_id, before.id)
    if module is None or instance is None or instance.status is not InstanceStatus.CONNECTED:
        return
    now = deps.now()
    if not _is_due(instance, before, checked_before, now):
        return
    if instance.backfilled_at is not None:
        since = max(instance.backfilled_at - _OVERLAP, now - _LONGEST)
        try:
            past = module.past_messages(deps, instance, instance_config.load_config(deps, instance), since)
        except (ProviderError, BadRequest, NotFound) as error:
            log.warning("messages could not be fetched", extra={"instance_id": instance.id, "why": error.detail})
            return
        _publish(deps, instance, _missing(deps, instance, past), now)
    _note(deps, instance, now)


def _is_due(instance: Instance, before: Instance, checked_before: datetime | None, now: datetime) -> bool:
    was_away = before.status is not InstanceStatus.CONNECTED or before.down_since is not None
    hub_was_away = checked_before is not None and now - checked_before > _SILENCE
    is_old = instance.backfilled_at is None or now - instance.backfilled_at >= _INTERVAL
    return is_old or was_away or hub_was_away or instance.is_backfill_due


def _missing(deps: Deps, instance: Instance, past: Sequence[PastMessage]) -> list[PastMessage]:
    missing: list[PastMessage] = []
    for start in range(0, len(past), _READ_AT_ONCE):
        some = past[start : start + _READ_AT_ONCE]
        unit = UnitOfWork(deps.store)
        record_ids = {ids.provider_message(instance.id, each.external_message_id): each for each in some}
        unit.fetch(*(unit.message_records.key(record_id) for record_id in record_ids))
        missing += [each for record_id, each in record_ids.items() if unit.message_records.get(record_id) is None]
    return missing


def _publish(deps: Deps, instance: Instance, missing: list[PastMessage], now: datetime) -> None:
    if missing:
        log.warning("messages had not arrived", extra={"instance_id": instance.id, "count": len(missing)})
    for number, message in enumerate(missing):
        event = InboundEvent(
            tenant_id=instance.tenant_id,
            instance_id=instance.id,
            channel=instance.adapter,
            payload=message.part.payload,
            received_at=now + timedelta(microseconds=number),
        )
        deps.bus.publish(Topic.INBOUND, event, key=f"{instance.id}:{message.part.key}")


def _note(deps: Deps, instance: Instance, now: datetime) -> None:
    def attempt(unit: UnitOfWork) -> None:
        stored = unit.instances.owned_or_none(instance.tenant_id, instance.id)
        if stored is not None:
            stored.backfilled_at, stored.is_backfill_due = now, False

    run_with_retry(deps, attempt)
    instance_lookup.forget(deps, instance)
