"""The one `Deps` of a function's process, made at the first request, once, however many come at the same time."""

from __future__ import annotations

import threading

from shared.bootstrap import bootstrap
from shared.config import load_settings
from shared.deps import Deps
from shared.logs import configure_logs

_lock = threading.Lock()
_made: list[Deps] = []


def process_deps() -> Deps:
    """Read the settings and open the backend, the first time. Raises `ConfigurationInvalid`."""
    if not _made:
        with _lock:
            if not _made:
                settings = load_settings()
                configure_logs(settings.log_level)
                _made.append(bootstrap(settings))
    return _made[0]
