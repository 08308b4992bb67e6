"""Waiting for a person to scan the code."""

from __future__ import annotations

import logging
import time

from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import BadRequest, Overloaded, ProviderError
from shared.outgoing import concurrency
from shared.usecases import connection_waits
from shared.usecases.instances import instance_operations

log = logging.getLogger(__name__)


def is_paired(deps: Deps, instance: Instance, seconds: float) -> bool:
    """Wait up to `seconds` for the instance to be connected.

    The provider is asked once at first, for its webhooks may not reach us.
    """
    deadline = time.monotonic() + seconds
    if connection_waits.is_connected(instance) or _is_connected_at_provider(deps, instance):
        return True
    remaining = deadline - time.monotonic()
    current = connection_waits.until(deps, instance, remaining, connection_waits.is_connected)
    return connection_waits.is_connected(current)


def _is_connected_at_provider(deps: Deps, instance: Instance) -> bool:
    try:
        return connection_waits.is_connected(instance_operations.status(deps, instance))
    except (ProviderError, BadRequest, Overloaded) as error:
        log.info("the provider does not report the state", extra={"instance_id": instance.id, "why": error.detail})
        return False
    finally:
        # What follows calls nobody.
        concurrency.release_slot()
