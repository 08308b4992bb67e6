"""What the cloud's scheduler does, for one machine: a thread that calls `tick` every minute."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from functions.tick import main as tick
from shared.deps import Deps
from shared.logs import tracing

logger = logging.getLogger(__name__)

INTERVAL = 60.0


class Ticking:
    """Runs from its making to `stop`: at once, and then every `interval` seconds.

    On the embedded backend it first settles what a dead process left, which is
    safe only once this process is the one that consumes.
    """

    def __init__(self, deps: Deps, interval: float = INTERVAL) -> None:
        self._deps = deps
        self._interval = interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tick", daemon=True)
        self._thread.start()

    def stop(self, patience: float = 5.0) -> None:
        """Return when a running tick has ended, or after `patience` seconds."""
        self._stopped.set()
        self._thread.join(patience)

    def _run(self) -> None:
        if self._deps.settings.backend == "embedded":
            self._call(tick.recover)
        while not self._stopped.is_set():
            self._call(tick.tick)
            self._stopped.wait(self._interval)

    def _call(self, task: Callable[[Deps], None]) -> None:
        try:
            with tracing():
                task(self._deps)
        except Exception:
            logger.exception("%s failed and will be tried in a minute", task.__name__)
