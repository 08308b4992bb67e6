"""How much a caller with a credential may ask: each key and user for itself, and a tenant for all of its own together.

Every process counts in memory. Where there are many of them, each tells the others
what it gave out, through the store, as soon as that is worth a round trip: one
caller's calls in all processes exceed its rate by no more than a share for each process.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from shared.deps import Deps
from shared.documents import Increment, ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Principal
from shared.errors import StoreError
from shared.security.buckets import Rate

log = logging.getLogger(__name__)

SHARES = 8
"""A process tells of what it gave out whenever that is this part of a minute's rate."""

_KEPT = timedelta(minutes=5)


def charge(deps: Deps, caller: Principal, address: str) -> None:
    """Count one call; raises `TooManyRequests`.

    Callers without a credential are counted by their IP address, and apart from the tenant's own.
    """
    per_key, per_tenant = deps.settings.rate_limit_key, deps.settings.rate_limit_tenant
    if caller.credential_id is None:
        _take(deps, Rate("calls-of-address", per_key), f"{caller.tenant_id} {address}")
        _take(deps, Rate("calls-of-strangers", per_tenant), caller.tenant_id)
    else:
        # In this order, so that a call that is refused to one key costs the others nothing.
        _take(deps, Rate("calls-of-key", per_key), f"{caller.tenant_id} {caller.credential_id}")
        _take(deps, Rate("calls-of-tenant", per_tenant), caller.tenant_id)


def _take(deps: Deps, rate: Rate, key: str) -> None:
    deps.buckets.charge(rate, key)
    if deps.settings.backend == "google" and (spent := deps.buckets.settle(rate, key, rate.per_minute // SHARES + 1)):
        try:
            _reconcile(deps, rate, key, spent)
        except StoreError as error:
            log.warning("rates could not be shared: %s", error.detail)


def _reconcile(deps: Deps, rate: Rate, key: str, spent: int) -> None:
    """Add what was spent here to what all processes have spent this minute, and take off here what others did."""
    minute = int(deps.now().timestamp()) // 60
    usage_id = ids.rate_usage(rate.name, key, minute)
    unit = UnitOfWork(deps.store)
    usage = unit.rate_usage.get(usage_id)
    total = usage.spent if usage else 0
    writing = UnitOfWork(deps.store)
    writing.rate_usage.patch(usage_id, spent=Increment(spent), expires_at=deps.now() + _KEPT)
    writing.commit()
    deps.buckets.drain(rate, key, usage_id, total, spent)
