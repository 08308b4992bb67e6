"""Deleting at the provider what a deleted instance leaves there, until it succeeds.

Until then nobody gets the instance's name or account: a provider that knows accounts by their names would hand the old
account to whoever comes next.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import timedelta

from pydantic import BaseModel

from shared import channels
from shared.channel.lifecycle import SupportsRemoval
from shared.deps import Deps
from shared.documents.query import DocumentUnit
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.fair_turns import in_turns
from shared.domain.instances import Instance, InstanceStatus, Removal
from shared.errors import (
    BadRequest,
    Collision,
    Conflict,
    CredentialsLost,
    NotFound,
    Overloaded,
    ProviderError,
    ProviderRejected,
)
from shared.usecases.instances import instance_config, instance_connection, instance_lookup
from shared.usecases.instances.instance_documents import release_account, release_address

log = logging.getLogger(__name__)

MAX_OF_TENANT = 5
"""Removals of one tenant that one run tries, as far as its seconds reach."""

_PAGE = 100
_SECONDS = 15.0
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=6)
_GIVEN_UP_AFTER = timedelta(days=30)


def add(deps: Deps, unit: UnitOfWork, instance: Instance) -> Removal | None:
    """With the instance's own deletion, note what has to be deleted elsewhere; None where that is nothing."""
    removal = Removal(id=instance.id, instance=instance, due_at=deps.now() + _FIRST_PAUSE, created_at=deps.now())
    unkept = (InstanceStatus.DELETED, InstanceStatus.NOT_CONFIGURED)
    if instance.status in unkept or channels.ability(instance.adapter, SupportsRemoval[BaseModel]) is None:
        _release(unit, instance)
        return None
    unit.removals.add(removal)
    return removal


def _release(unit: UnitOfWork, instance: Instance) -> None:
    reservation = unit.instance_names.get(instance.name)
    if reservation is not None and reservation.instance_id == instance.id:
        unit.instance_names.remove(instance.name)
    release_address(unit, instance)
    release_account(unit, instance)


def under_way(deps: Deps, instance_id: str) -> Instance | None:
    """A deleted instance that its provider still has, as it was."""
    removal = UnitOfWork(deps.store).removals.get(instance_id)
    return removal.instance if removal is not None else None


def attempt(deps: Deps, removal: Removal) -> bool:
    """Have the provider delete what it keeps; whether the removal is over. What goes wrong is only logged."""
    instance = removal.instance
    extra = {"instance_id": instance.id, "instance": instance.name, "adapter": instance.adapter}
    try:
        _remove_at_provider(deps, instance)
    except CredentialsLost as error:
        log.error("a deleted instance stays at its provider for good", extra={**extra, "reason": error.detail})
        finish(deps, removal, keep_account=True)
        return True
    except (ProviderError, BadRequest, NotFound, Overloaded) as error:
        log.warning("a deleted instance stays at its provider", extra={**extra, "reason": error.detail})
        is_refused = isinstance(error, (ProviderRejected, BadRequest, NotFound))
        if is_refused and instance.account is None:
            # Nothing of the provider's is known by our names.
            finish(deps, removal)
            return True
        return False
    log.info("a deleted instance was removed at its provider", extra=extra)
    finish(deps, removal)
    return True


def _remove_at_provider(deps: Deps, instance: Instance) -> None:
    module = channels.ability(instance.adapter, SupportsRemoval[BaseModel])
    config = instance_config.load_config(deps, instance)
    try:
        instance_connection.check_account(deps, instance, config)
    except Collision:
        return  # another instance goes on using it
    if module is not None:
        module.remove(deps, instance, config)


def finish(deps: Deps, removal: Removal, *, keep_account: bool = False) -> None:
    """Free the name and the account, and destroy the secrets."""
    instance = removal.instance

    def free(unit: UnitOfWork) -> None:
        _release(unit, instance.model_copy(update={"account": None}) if keep_account else instance)
        unit.removals.remove(removal.id)

    run_with_retry(deps, free)
    instance_lookup.forget(deps, instance)
    deps.secrets.delete(instance.secret_name)


def retry_due(deps: Deps) -> int:
    """Try again what failed, tenant by tenant in turn; returns how many were tried."""
    ends_at = time.monotonic() + _SECONDS
    query = UnitOfWork(deps.store).removals.query().where(lambda removal: removal.due_at, "<=", deps.now())
    page = query.order_by(lambda removal: removal.due_at).unit_page(_PAGE).documents
    due = in_turns(page, lambda removal_unit: removal_unit.read().instance.tenant_id, MAX_OF_TENANT)
    due_ids = {removal_unit.id for removal_unit in due}
    for removal_unit in page:
        if removal_unit.id not in due_ids:
            _put_off(deps, removal_unit)
    tried = 0
    for removal_unit in due:
        if time.monotonic() > ends_at:
            break
        tried += _retry(deps, removal_unit)
    return tried


def _put_off(deps: Deps, removal_unit: DocumentUnit[Removal]) -> None:
    """Leave out one of too many of a tenant: it would be due before other tenants' again and again."""
    removal_unit.read().due_at = deps.now() + _FIRST_PAUSE
    with suppress(Conflict):
        removal_unit.unit.commit()


def _retry(deps: Deps, removal_unit: DocumentUnit[Removal]) -> bool:
    removal = removal_unit.read()
    removal.attempts += 1
    removal.due_at = deps.now() + min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(removal.attempts, 16))
    try:
        removal_unit.unit.commit()  # the process that writes this tries it
    except Conflict:
        return False
    if not attempt(deps, removal) and removal.created_at <= deps.now() - _GIVEN_UP_AFTER:
        # The account stays reserved: it is still there, and nobody is to get it with its name.
        log.error("an account was left at its provider for good", extra={"instance_id": removal.id})
        finish(deps, removal, keep_account=True)
    return True
