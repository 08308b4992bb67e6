"""Channels whose credentials cannot be opened any more, because `secrets.key` was lost."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import InstanceStatus
from shared.usecases.instances.channel_alerts import add_alert
from shared.usecases.instances.instance_config import ENTER_AGAIN
from shared.usecases.instances.status_details import reported

log = logging.getLogger(__name__)

_OF_INSTANCE = re.compile(r"instance-([0-9a-f]{24})(-.*)?")


def mark(deps: Deps, names: Iterable[str]) -> None:
    """Show the channels whose secrets have these names as in error, with what to do."""
    for name in names:
        log.error("a secret cannot be opened any more", extra={"secret_name": name})
        match = _OF_INSTANCE.fullmatch(name)
        if match and not _mark_instance(deps, match[1]):
            # A crash left it behind; nobody can enter it again.
            deps.secrets.delete(name)


def _mark_instance(deps: Deps, instance_id: str) -> bool:
    """Whether there is such a channel, or one that is still being deleted."""

    def attempt(unit: UnitOfWork) -> bool:
        instance = unit.instances.of_any_tenant(instance_id)
        if instance is None:
            return unit.removals.get(instance_id) is not None
        if instance.status is InstanceStatus.DELETED:
            return True
        detail = reported(instance, ENTER_AGAIN)
        add_alert(deps, unit, instance.model_copy(), InstanceStatus.ERROR, detail, deps.now())
        instance.status, instance.status_detail, instance.updated_at = InstanceStatus.ERROR, detail, deps.now()
        return True

    return run_with_retry(deps, attempt)
