"""What a function's process creates once, at its first request, however many requests come at the same time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from shared.bootstrap import bootstrap
from shared.config import Settings, load_settings
from shared.deps import Deps
from shared.http.garbage_collection import without_garbage_collection
from shared.logs import configure_logs

if TYPE_CHECKING:
    from shared.http.google_callers import GoogleCallers

log = logging.getLogger(__name__)


class Process:
    """What a process creates once. `callers` checks the tokens of Google's services."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    @cached_property
    def callers(self) -> GoogleCallers:
        from shared.http.google_callers import GoogleCallers  # noqa: PLC0415 - costs cold start, and providers are none

        return GoogleCallers(self.deps)


_lock = threading.Lock()
_processes: list[Process] = []


def process() -> Process:
    """Read the settings and open the backend, the first time. Raises `ConfigurationInvalid`."""
    if not _processes:
        with _lock, without_garbage_collection():
            if not _processes:
                settings = load_settings()
                configure_logs(settings.log_level, settings.cloud_project, settings.log_format)
                _processes.append(Process(bootstrap(settings)))
    return _processes[0]


@contextmanager
def working_with(deps: Deps) -> Iterator[None]:
    """Within the context the functions of this process use these, whatever the environment says."""
    before = list(_processes)
    _processes[:] = [Process(deps)]
    try:
        yield
    finally:
        _processes[:] = before


def process_deps() -> Deps:
    """The process's `Deps`; see `process`."""
    return process().deps


def warn(settings: Settings) -> None:
    """Log what an operator should know of settings that are right as such; for who serves callers with keys, once."""
    if settings.database_url is not None:
        log.warning("DATABASE_URL is set and not used: BACKEND says where data is kept")
    if settings.api_key is None and settings.production:
        log.error("API_KEY is not set: whatever is called with that key alone answers 401")
