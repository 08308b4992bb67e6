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
from shared.channel.profile import SupportsPicture
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import (
    BadRequest,
    ChannelName,
    Collision,
    NotConfigured,
    NotFound,
    Overloaded,
    ProviderError,
    ProviderRejected,
    Unprocessable,
)
from shared.usecases.instances import instance_config, instance_connection, instance_lookup, pairing_turns
from shared.usecases.instances.channel_alerts import add_alert
from shared.usecases.instances.status_details import reported

log = logging.getLogger(__name__)

_OFF = (InstanceStatus.NOT_CONFIGURED, InstanceStatus.DISCONNECTED)

Ability = Callable[[Deps, Instance, BaseModel], Connection]


def pair(deps: Deps, instance: Instance) -> Instance:
    """Get a code to scan into `pairing`, unless the account is connected already.

    A code that is still valid is returned again. `CONNECTING` means that the
    provider has no code ready yet. A channel without pairing returns the
    instance as it is. Raises a `ProviderError`.
    """
    module = channels.ability(instance.adapter, SupportsPairing[BaseModel])
    if module is None or has_code(deps, instance):
        return instance
    with pairing_turns.turn(deps, instance) as is_ours:
        if not is_ours:
            return pairing_turns.wait_for_code(deps, instance)
        # Another request's turn may have ended just before this one's began.
        current = instance_lookup.by_id(deps, instance.tenant_id, instance.id)
        paired = current if has_code(deps, current) else _reconnect(deps, current, module.pair)
    return _with_code(deps, paired)


def _with_code(deps: Deps, instance: Instance) -> Instance:
    """Wait for the code that the holder of the account's connection brings; an instance of another kind as it is."""
    is_coming = instance.status is InstanceStatus.CONNECTING and channels.channel(instance.adapter).runtime == "socket"
    return pairing_turns.wait_for_code(deps, instance) if is_coming else instance


def connect(deps: Deps, instance: Instance) -> Instance:
    """Connect an account again: by a code to scan where it needs one, else as after a change of its configuration.

    An account whose connection a process holds gets a fresh one. What the provider refuses is in `status_detail` then,
    and never raised.
    """
    if instance.status is InstanceStatus.NOT_CONFIGURED or has_code(deps, instance):
        return instance
    connected = instance_connection.connect(deps, instance)
    try:
        if connected.status is InstanceStatus.CONNECTED and _has_own_connection(connected):
            return restart(deps, connected)
        if connected.status is not InstanceStatus.DISCONNECTED:
            return _with_code(deps, connected)
        return pair(deps, connected)
    except (ProviderError, BadRequest, Collision, Overloaded) as error:
        return instance_connection.record_failure(deps, connected, error.detail)


def _has_own_connection(instance: Instance) -> bool:
    """Whether a process holds the account's connection, and can make a fresh one."""
    is_held = channels.channel(instance.adapter).runtime == "socket"
    return is_held and channels.ability(instance.adapter, SupportsRestart[BaseModel]) is not None


def can_pair(instance: Instance) -> bool:
    """Whether the instance is connected by scanning a code."""
    return channels.ability(instance.adapter, SupportsPairing[BaseModel]) is not None


def has_code(deps: Deps, instance: Instance) -> bool:
    """Whether there is a code that can still be scanned."""
    pairing = instance.pairing
    is_waiting = instance.status is InstanceStatus.WAITING_FOR_SCAN
    return is_waiting and pairing is not None and pairing.expires_at > deps.now()


def status(deps: Deps, instance: Instance) -> Instance:
    """Ask the provider for the connection's status, and store it.

    A permanent refusal is stored as `ERROR`. A change that was stored while the
    provider was asked is newer than its answer, and stays. Raises
    `ProviderUnavailable` or `OutcomeUnknown` when the provider does not answer.
    """
    module = channels.ability(instance.adapter, SupportsStatus[BaseModel])
    config = _config(deps, instance)
    if module is None or config is None or instance.status is InstanceStatus.NOT_CONFIGURED:
        return instance
    asked_at = deps.now()
    try:
        connection = module.status(deps, instance, config)
        if connection.account:
            instance_connection.claim_account(deps, instance, connection.account)
    except (ProviderRejected, Collision) as error:
        connection = Connection(status=InstanceStatus.ERROR, detail=error.detail)

    def changes_of(current: Instance) -> dict[str, Any]:
        return {} if current.updated_at > asked_at else _reported_changes(deps, current, connection)

    return _note(deps, instance, changes_of, alerts=True)


def restart(deps: Deps, instance: Instance) -> Instance:
    """Restart the connection, by connecting again where there is no other way.

    Raises a `ProviderError`, and `BadRequest` for an instance that is not configured or has no account yet.
    """
    restartable = channels.ability(instance.adapter, SupportsRestart[BaseModel])
    connectable = channels.ability(instance.adapter, SupportsConnecting[BaseModel])
    if restartable is not None:
        with pairing_turns.turn(deps, instance) as is_ours:
            if not is_ours:
                return pairing_turns.wait_for_code(deps, instance)
            restarted = _reconnect(deps, instance, restartable.restart)
    elif connectable is not None:
        restarted = _reconnect(deps, instance, connectable.connect)
    else:
        return instance_connection.connect(deps, instance)
    if restarted.status in _OFF and restarted.status_detail:
        raise BadRequest(f"{instance.name} cannot be restarted: {restarted.status_detail}")
    return restarted


def logout(deps: Deps, instance: Instance) -> Instance:
    """End the connection; where there is nothing to end the instance is only marked.

    Raises a `ProviderError`, and `Collision` where the account is another instance's.
    """
    module = channels.ability(instance.adapter, SupportsLogout[BaseModel])
    return _end(deps, instance, module.logout if module else None, InstanceStatus.DISCONNECTED)


def end_former(deps: Deps, former: Instance) -> None:
    """End the connection that a process holds for an instance whose adapter is another one now."""
    is_held = former.adapter in channels.names() and channels.channel(former.adapter).runtime == "socket"
    module = channels.ability(former.adapter, SupportsLogout[BaseModel]) if is_held else None
    config = _config(deps, former) if module else None
    if module is None or config is None:
        return
    try:
        module.logout(deps, former, config)
    except ProviderError as error:
        extra = {"instance_id": former.id, "why": error.detail}
        log.warning("the account that a channel had before could not be logged out", extra=extra)


def remove(deps: Deps, instance: Instance) -> Instance:
    """Delete the instance at its provider; the hub's own stays. Raises as `logout` does."""
    module = channels.ability(instance.adapter, SupportsRemoval[BaseModel])
    return _end(deps, instance, module.remove if module else None, InstanceStatus.DELETED)


def set_picture(deps: Deps, instance: Instance, url: str) -> None:
    """Change the picture that customers see of the account.

    Raises `Unprocessable` for a channel without one, `BadRequest` for an address that the hub does not call, and a
    `ProviderError`.
    """
    module = channels.ability(instance.adapter, SupportsPicture[BaseModel])
    if module is None:
        raise Unprocessable((ChannelName(instance.type), " has no picture that the hub could change"))
    deps.http.check(url, "picture_url")
    module.set_picture(deps, instance, instance_config.load_config(deps, instance), url)


def _reconnect(deps: Deps, instance: Instance, ability: Ability) -> Instance:
    connect = instance_connection.claiming(deps, instance, ability)
    connection = connect(deps, instance, instance_connection.prepared_config(deps, instance))
    after = instance_connection.record(deps, instance, connection)
    instance_connection.tell(deps, instance, after)
    return after


def _end(deps: Deps, instance: Instance, end: Ability | None, status_without_provider: InstanceStatus) -> Instance:
    config = _config(deps, instance)
    connection = Connection(status=status_without_provider)
    if end is not None and config is not None:
        instance_connection.check_account(deps, instance, config)
        with suppress(NotConfigured):
            connection = end(deps, instance, config)
    changes = {
        "status": connection.status,
        "status_detail": reported(instance, connection.detail),
        "pairing": None,
        "link_lost_at": None,
    }
    return _note(deps, instance, lambda current: changes)


def _config(deps: Deps, instance: Instance) -> BaseModel | None:
    """None for an instance that is not configured, which its provider does not know."""
    try:
        return instance_config.load_config(deps, instance)
    except (BadRequest, NotFound):
        return None


def _reported_changes(deps: Deps, current: Instance, connection: Connection) -> dict[str, Any]:
    """The fields that change when a provider reports this connection."""
    if current.status is InstanceStatus.DELETED and connection.status in _OFF:
        return {}
    detail = instance_connection.detail_after(current, connection)
    if connection.status is InstanceStatus.CONNECTED and current.link_lost_at is not None:
        # Evolution says `open` of a dead socket, too (https://github.com/evolution-foundation/evolution-api/issues/2403).
        connection, detail = replace(connection, status=InstanceStatus.ERROR), current.status_detail
    changes: dict[str, Any] = {"status": connection.status, "status_detail": detail}
    if connection.status is InstanceStatus.CONNECTING and current.pairing and current.pairing.expires_at > deps.now():
        changes["status"] = InstanceStatus.WAITING_FOR_SCAN
    if connection.status is InstanceStatus.CONNECTED:
        changes |= {"pairing": None, "connected_at": current.connected_at_after(connection.status, deps.now())}
    if connection.webhook_url or connection.webhook_error:
        changes["webhook"] = instance_connection.webhook_health(deps, current, connection)
    profile = {"phone_number": connection.phone_number, "display_name": connection.display_name}
    return changes | {name: value for name, value in profile.items() if value}


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
                add_alert(deps, unit, before, after.status, after.status_detail, deps.now())
        return before, after

    before, after = run_with_retry(deps, attempt)
    if before != after:
        instance_lookup.forget(deps, after)
        instance_connection.tell(deps, before, after)
    return after
