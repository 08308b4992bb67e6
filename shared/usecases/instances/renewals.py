"""Renewing the credentials that end by themselves, long before they do."""

from __future__ import annotations

import logging
from datetime import timedelta

from pydantic import BaseModel

from shared import channels
from shared.channel.lifecycle import SupportsRenewal
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import BadRequest, NotFound, OutcomeUnknown, ProviderRejected, ProviderUnavailable
from shared.usecases.instances import instance_config, instance_connection, instance_lookup
from shared.usecases.instances.channel_alerts import add_alert
from shared.usecases.instances.status_details import reported

log = logging.getLogger(__name__)

INTERVAL = timedelta(days=7)
"""Instagram's tokens end after 60 days, so that weeks of failures lose none; it renews none of the
same day."""


def renew_when_due(deps: Deps, instance: Instance) -> bool:
    """Renew the account's credential, if it is time to; False where the provider refuses.

    Then the channel is in error with the reason, and its tenant is notified, once. A provider that does not answer is
    asked again with the next check.
    """
    module = channels.ability(instance.adapter, SupportsRenewal[BaseModel])
    if module is None or (instance.renewed_at is not None and deps.now() - instance.renewed_at < INTERVAL):
        return True
    try:
        new_credentials = module.renew(deps, instance, instance_config.load_config(deps, instance))
    except (ProviderUnavailable, OutcomeUnknown) as error:
        log.warning("a credential could not be renewed yet", extra={"instance_id": instance.id, "why": error.detail})
        return True
    except (ProviderRejected, BadRequest, NotFound) as error:
        _note_refusal(
            deps, instance, f"The login was not renewed and will end. Connect the account again. {error.detail}"
        )
        return False
    if new_credentials:
        deps.secrets.write(instance.secret_name, instance_config.credentials(deps, instance) | dict(new_credentials))

    def note(unit: UnitOfWork) -> None:
        unit.instances.owned(instance.tenant_id, instance.id).renewed_at = deps.now()

    run_with_retry(deps, note)
    instance_lookup.forget(deps, instance)
    return True


def _note_refusal(deps: Deps, instance: Instance, reason: str) -> None:
    log.warning("a credential was not renewed", extra={"instance_id": instance.id, "why": reason})

    def note(unit: UnitOfWork) -> tuple[Instance, Instance]:
        after = unit.instances.owned(instance.tenant_id, instance.id)
        before = after.model_copy()
        after.status, after.status_detail = InstanceStatus.ERROR, reported(before, reason)
        after.updated_at = deps.now()
        add_alert(deps, unit, before, after.status, after.status_detail, deps.now())
        return before, after

    before, after = run_with_retry(deps, note)
    instance_lookup.forget(deps, after)
    instance_connection.tell(deps, before, after)
