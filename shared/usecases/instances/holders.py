"""How many processes hold accounts' connections, and which accounts none of them has taken."""

from __future__ import annotations

import logging
from datetime import datetime
from math import ceil

from pydantic import BaseModel

from shared import channels
from shared.channel.connection import ConnectionModule
from shared.channelkit.auth import HELD, NO_HOLDER, UNHELD_AFTER, AuthState, ChannelAuth, is_unheld
from shared.deps import Deps
from shared.documents.query import Query
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.inbound import ConnectionChanged
from shared.domain.instances import InstanceStatus
from shared.errors import StoreError
from shared.ports.holders import Holders
from shared.usecases.instances import connection_state, instance_lookup

log = logging.getLogger(__name__)

_FULL = 0.9
"""A holder is taken away only where the others are no fuller than this afterwards: it would come back soon."""

_MOST_ALERTS = 200


def capacity(deps: Deps) -> dict[str, int]:
    """How many accounts of each channel one holder takes."""
    modules = ((name, channels.ability(name, ConnectionModule[BaseModel])) for name in channels.names())
    return {name: module.capacity(deps.settings) for name, module in modules if module is not None}


def provide(deps: Deps) -> int:
    """Have as many holders as the accounts need, and alert the tenants whose accounts none has taken.

    Returns how many accounts these are.
    """
    accounts = _accounts(deps)
    if deps.holders is not None:
        try:
            _scale(deps, deps.holders, accounts)
        except StoreError as error:
            log.error("the holders could not be scaled", extra={"why": error.detail})
    return sum(_alert(deps, adapter) for adapter in accounts)


def _accounts(deps: Deps) -> dict[str, int]:
    """How many accounts of each channel are to be held. Most hubs have none, and load no channel for it."""
    if not UnitOfWork(deps.store).channel_auth.query().where_in(lambda login: login.state, sorted(HELD)).count():
        return {}
    counts = {adapter: _logins(deps, adapter).count() for adapter in capacity(deps)}
    return {adapter: count for adapter, count in counts.items() if count}


def _scale(deps: Deps, holders: Holders, accounts: dict[str, int]) -> None:
    """Up at once; down by one at a time, and only while every account is held: one is handed over after the other."""
    current = holders.count()
    target = min(_needed(deps, accounts), holders.most)
    if target < current:
        target = current - 1 if _has_room(deps, accounts, current - 1) else current
    if target != current:
        log.info("the holders are scaled", extra={"holders": target, "former": current})
        holders.scale(target)


def _needed(deps: Deps, accounts: dict[str, int], full: float = 1.0) -> int:
    """The least holders that have room for every account, at least one: a new account is not to wait for a start."""
    capacities = capacity(deps) if accounts else {}
    return max([1, *(ceil(count / (capacities[name] * full)) for name, count in accounts.items() if capacities[name])])


def _has_room(deps: Deps, accounts: dict[str, int], count: int) -> bool:
    is_settled = not any(_logins(deps, adapter, free_since=deps.now()).count() for adapter in accounts)
    return is_settled and _needed(deps, accounts, _FULL) <= count


def _logins(deps: Deps, adapter: str, free_since: datetime | None = None) -> Query[ChannelAuth]:
    """The logins of accounts that are to be held; with `free_since` those that nobody has held since then."""
    query = UnitOfWork(deps.store).channel_auth.query().where(lambda login: login.adapter, "==", adapter)
    query = query.where_in(lambda login: login.state, sorted(HELD))
    if free_since is None:
        return query
    return query.where(lambda login: login.lease_expires_at, "<=", free_since)


def _alert(deps: Deps, adapter: str) -> int:
    limit = deps.now() - UNHELD_AFTER
    logins = _logins(deps, adapter, limit).order_by(lambda login: login.lease_expires_at).page(_MOST_ALERTS).documents
    # One that has just begun was never held.
    unheld = [login for login in logins if is_unheld(deps, login)]
    for login in unheld:
        log.error("an account has no holder", extra={"instance_id": login.instance_id, "channel": adapter})
        instance = instance_lookup.find_cached(deps, instance_id=login.instance_id)
        if instance is not None and login.state is not AuthState.LOGGING_OUT:
            event = ConnectionChanged(status=InstanceStatus.ERROR, detail=NO_HOLDER)
            connection_state.apply_connection(deps, instance, event)
    return len(unheld)
