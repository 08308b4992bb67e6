"""What a function's process has one of, made at the first request, once, however many come at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shared.bootstrap import bootstrap
from shared.config import load_settings
from shared.deps import Deps
from shared.http.google_callers import GoogleCallers
from shared.logs import configure_logs


@dataclass(frozen=True, slots=True)
class Process:
    deps: Deps
    callers: GoogleCallers


_lock = threading.Lock()
_made: list[Process] = []


def process() -> Process:
    """Read the settings and open the backend, the first time. Raises `ConfigurationInvalid`."""
    if not _made:
        with _lock:
            if not _made:
                settings = load_settings()
                configure_logs(settings.log_level, settings.cloud_project)
                deps = bootstrap(settings)
                _made.append(Process(deps, GoogleCallers(deps)))
    return _made[0]


@contextmanager
def working_with(deps: Deps) -> Iterator[None]:
    """Have the functions in this process work with these meanwhile, whatever the environment says."""
    before = list(_made)
    _made[:] = [Process(deps, GoogleCallers(deps))]
    try:
        yield
    finally:
        _made[:] = before


def process_deps() -> Deps:
    """The process's `Deps`; see `process`."""
    return process().deps
