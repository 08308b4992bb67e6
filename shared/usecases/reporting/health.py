"""Whether the hub can do its work."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from shared.cache import TTLCache
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.errors import StoreError

log = logging.getLogger(__name__)

VERSION = "1.0.0"

_started = time.monotonic()
# Clients that poll must not become a load on the store.
_probes = TTLCache(time.monotonic, ttl=5.0, size=16)


@dataclass(frozen=True, slots=True)
class Health:
    """`uptime` is in whole seconds."""

    store_up: bool
    uptime: int


def check(deps: Deps) -> Health:
    """Read one document; the result is cached for 5 seconds."""
    return Health(store_up=_probes.get(deps.owner, lambda: _store_answers(deps)), uptime=uptime())


def uptime() -> int:
    """How many seconds this process has been running."""
    return int(time.monotonic() - _started)


def _store_answers(deps: Deps) -> bool:
    try:
        UnitOfWork(deps.store).tenants.get("health-probe")
    except StoreError as error:
        log.error("the store does not answer", extra={"why": error.detail})
        return False
    return True
