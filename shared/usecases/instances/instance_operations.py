"""Operations on an instance's connection: pair, check, restart, log out, remove at the provider."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from shared import channels
from shared.channel.lifecycle import (
    Connection,
    SupportsConnecting,
    SupportsLogout,
    SupportsPairing,
    SupportsRemoval,
    SupportsRestart,
    SupportsStatus,
)
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import BadRequest, NotConfigured, NotFound, Overloaded, ProviderError, ProviderRejected
from shared.usecases.instances import instance_config, instance_connection, instance_lookup, pairing_turns
from shared.usecases.instances.channel_alerts import add_alert

log = logging.getLogger(__name__)

_OFF = (InstanceStatus.NOT_CONFIGURED, InstanceStatus.DISCONNECTED)

Ability = Callable[[Deps, Instance, BaseModel], Connection]


def pair(deps: Deps, instance: Instance) -> Instance:
    """Get a code to scan into `pairing`, unless the account is connected already.

    A code that is still valid is given again. The status says which it is;
    `CONNECTING` means that the provider has no code ready yet. A channel without
    pairing gives the instance as it is. Raises a `ProviderError`.
    """
    module = channels.ability(instance.adapter, SupportsPairing)
    if module is None or has_code(deps, instance):
        return instance
    with pairing_turns.turn(deps, instance) as is_ours:
        if not is_ours:
            return pairing_turns.wait_for_other(deps, instance)
        # Somebody else's turn may have ended just before ours began.
        known = instance_lookup.by_id(deps, instance.tenant_id, instance.id)
        return known if has_code(deps, known) else _anew(deps, known, module.pair)


def can_pair(instance: Instance) -> bool:
    """Whether the instance is connected by scanning a code."""
    return channels.ability(instance.adapter, SupportsPairing) is not None


def has_code(deps: Deps, instance: Instance) -> bool:
    """Whether there is a code that can still be scanned."""
    pairing = instance.pairing
    waits = instance.status is InstanceStatus.WAITING_FOR_SCAN
    return waits and pairing is not None and pairing.expires_at > deps.now()


def status(deps: Deps, instance: Instance) -> Instance:
    """Ask the provider how the connection stands, and keep what it says.

    A refusal for good is a state of its own, `ERROR`. What was noted while the
    provider was asked is newer than its answer, and stays. Raises
    `ProviderUnavailable` or `OutcomeUnknown` when the provider does not tell.
    """
    module = channels.ability(instance.adapter, SupportsStatus)
    config = _config(deps, instance)
    if module is None or config is None or instance.status is InstanceStatus.NOT_CONFIGURED:
        return instance
    asked_at = deps.now()
    try:
        told = module.status(deps, instance, config)
    except ProviderRejected as error:
        told = Connection(status=InstanceStatus.ERROR, detail=error.detail)

    def change(known: Instance) -> dict[str, Any]:
        return {} if known.updated_at > asked_at else _as_told(deps, known, told)

    return _note(deps, instance, change, alerts=True)


def restart(deps: Deps, instance: Instance) -> Instance:
    """Begin the connection anew, by connecting again where there is no other way.

    Raises a `ProviderError`, and `BadRequest` for an instance that is not configured or has no account yet.
    """
    restartable = channels.ability(instance.adapter, SupportsRestart)
    connectable = channels.ability(instance.adapter, SupportsConnecting)
    if restartable is not None:
        begun = _anew(deps, instance, restartable.restart)
    elif connectable is not None:
        begun = _anew(deps, instance, connectable.connect)
    else:
        return instance_connection.connect(deps, instance)
    if begun.status in _OFF and begun.status_detail:
        raise BadRequest(f"{instance.name} cannot be restarted: {begun.status_detail}")
    return begun


def logout(deps: Deps, instance: Instance) -> Instance:
    """End the connection; where there is nothing to end the instance is only marked. Raises a `ProviderError`."""
    module = channels.ability(instance.adapter, SupportsLogout)
    return _end(deps, instance, module.logout if module else None, InstanceStatus.DISCONNECTED)


def remove(deps: Deps, instance: Instance) -> Instance:
    """Delete the instance at its provider and keep our own. Raises as `logout` does."""
    module = channels.ability(instance.adapter, SupportsRemoval)
    return _end(deps, instance, module.remove if module else None, InstanceStatus.DELETED)


def remove_if_possible(deps: Deps, instance: Instance) -> None:
    """Delete at the provider what belongs to an instance that is gone here; a failure is only logged."""
    module = channels.ability(instance.adapter, SupportsRemoval)
    if module is None or instance.status in (InstanceStatus.DELETED, InstanceStatus.NOT_CONFIGURED):
        return
    noted = {"instance_id": instance.id, "instance": instance.name, "adapter": instance.adapter}
    try:
        module.remove(deps, instance, instance_config.load_config(deps, instance))
    except (ProviderError, BadRequest, NotFound, Overloaded) as error:
        log.warning("a deleted instance stays at its provider", extra={**noted, "reason": error.detail})
    else:
        log.info("a deleted instance was removed at its provider", extra=noted)


def _anew(deps: Deps, instance: Instance, ability: Ability) -> Instance:
    connection = ability(deps, instance, instance_connection.prepared_config(deps, instance))
    after = instance_connection.record(deps, instance, connection)
    instance_connection.tell(deps, instance, after)
    return after


def _end(deps: Deps, instance: Instance, end: Ability | None, marked: InstanceStatus) -> Instance:
    config = _config(deps, instance)
    ended = Connection(status=marked)
    if end is not None and config is not None:
        with suppress(NotConfigured):
            ended = end(deps, instance, config)
    change = {"status": ended.status, "status_detail": ended.detail, "pairing": None, "link_lost_at": None}
    return _note(deps, instance, lambda known: change)


def _config(deps: Deps, instance: Instance) -> BaseModel | None:
    """None for an instance that is not configured, with which its provider has nothing to do."""
    try:
        return instance_config.load_config(deps, instance)
    except (BadRequest, NotFound):
        return None


def _as_told(deps: Deps, known: Instance, told: Connection) -> dict[str, Any]:
    if known.status is InstanceStatus.DELETED and told.status in _OFF:
        return {}
    if told.status is InstanceStatus.CONNECTED and known.link_lost_at is not None:
        # Evolution says `open` of a dead socket, too (https://github.com/evolution-foundation/evolution-api/issues/2403).
        told = replace(told, status=InstanceStatus.ERROR, detail=known.status_detail)
    change: dict[str, Any] = {"status": told.status, "status_detail": told.detail}
    if told.status is InstanceStatus.CONNECTING and known.pairing and known.pairing.expires_at > deps.now():
        change["status"] = InstanceStatus.WAITING_FOR_SCAN
    if told.status is InstanceStatus.CONNECTED:
        change["pairing"] = None
    named = {"phone_number": told.phone_number, "display_name": told.display_name}
    return change | {name: value for name, value in named.items() if value}


def _note(
    deps: Deps, instance: Instance, changes_of: Callable[[Instance], dict[str, Any]], *, alerts: bool = False
) -> Instance:
    """Store what has changed, and tell the room when something has."""

    def attempt(unit: UnitOfWork) -> tuple[Instance, Instance]:
        after = unit.instances.owned(instance.tenant_id, instance.id)
        before = after.model_copy()
        for name, value in changes_of(before).items():
            setattr(after, name, value)
        if after != before:
            after.updated_at = deps.now()
            if alerts:
                add_alert(unit, before, after.status, after.status_detail, deps.now())
        return before, after

    before, after = run_with_retry(deps, attempt)
    if before != after:
        instance_lookup.forget(deps, after)
        instance_connection.tell(deps, before, after)
    return after
