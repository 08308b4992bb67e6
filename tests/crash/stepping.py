"""A hub that does what its data directory still owes, and kills itself at a step: before a commit or a publication.

What comes after the last thing that was done and before the next one makes no difference to what is left, so these are
all the moments at which a process can die between two steps.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import cast

from functions.deliver.main import consume as deliver
from functions.normalize.main import consume as normalize
from functions.reply.main import consume as reply
from functions.tick.main import recover, tick
from shared.bootstrap import bootstrap, close
from shared.config import load_settings
from shared.domain.events import Event, InboundEvent, OutboundEvent, ReplyEvent, Topic
from shared.ports.bus import Bus
from shared.ports.store import Store, Write
from tests.forks.fork import Fork
from tests.overlaps import OverlapBus, OverlapStore

NEVER = 0
_MOST_STEPS = 60
_PATIENCE = 120.0


class _Steps:
    """Counts the steps of all threads; at the one with the number `last` the process is gone."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._taken = 0
        self._lock = threading.Lock()

    def take(self) -> None:
        with self._lock:
            self._taken += 1
            if self._taken == self._last:
                os.kill(os.getpid(), signal.SIGKILL)


class _DyingStore(OverlapStore):
    def __init__(self, store: Store, steps: _Steps) -> None:
        super().__init__(store)
        self._steps = steps

    def commit(self, writes: Sequence[Write]) -> None:
        self._steps.take()
        super().commit(writes)


class _DyingBus(OverlapBus):
    def __init__(self, bus: Bus, steps: _Steps) -> None:
        super().__init__(bus)
        self._steps = steps

    def publish(self, topic: Topic, event: Event, key: str, delay: float = 0.0) -> None:
        self._steps.take()
        super().publish(topic, event, key, delay)


def main() -> int:
    """The program: `sys.argv[1]` is the step at which to die."""
    settings, steps = load_settings(), _Steps(int(sys.argv[1]))
    opened = bootstrap(settings)
    deps = replace(opened, store=_DyingStore(opened.store, steps), bus=_DyingBus(opened.bus, steps))
    recover(deps)
    # One event at a time: a death in the middle of another thread's call to a provider would leave its outcome unknown.
    turn = threading.Lock()

    def in_turn(work: Callable[[Event], None]) -> Callable[[Event], None]:
        def wait_and_work(event: Event) -> None:
            with turn:
                work(event)

        return wait_and_work

    stop = deps.bus.consume(
        {
            Topic.INBOUND: in_turn(lambda event: normalize(deps, cast("InboundEvent", event))),
            Topic.REPLIES: in_turn(lambda event: reply(deps, cast("ReplyEvent", event))),
            Topic.OUTBOUND: in_turn(lambda event: deliver(deps, cast("OutboundEvent", event))),
            Topic.REALTIME: lambda event: None,
        }
    )
    with turn:
        tick(deps)
    _wait_until_nothing_is_owed(settings.data_dir)
    stop()
    close(opened)
    return 0


def _wait_until_nothing_is_owed(data_dir: Path) -> None:
    give_up_at = time.monotonic() + _PATIENCE
    with closing(sqlite3.connect(data_dir / "hub.db", timeout=30)) as connection:
        while connection.execute("SELECT count(*) FROM events").fetchone()[0]:
            if time.monotonic() > give_up_at:
                raise TimeoutError("the hub still owes something")
            time.sleep(0.01)


def killed_at_each_step(make_copy: Callable[[Path], None], directory: Path, **environment: str) -> Iterator[Path]:
    """Copies of a data directory on which a hub worked until it died, each at another step, and one where it did not.

    On each of them another hub has done the rest.
    """
    for step in range(1, _MOST_STEPS):
        data = directory / f"step{step:02}"
        make_copy(data)
        has_died = _work(data, step, environment) == -signal.SIGKILL
        assert _work(data, NEVER, environment) == 0, (data / "log").read_text()
        yield data
        if not has_died:
            return
    raise AssertionError(f"it takes more than {_MOST_STEPS} steps")


def _work(data: Path, last_step: int, environment: dict[str, str]) -> int:
    variables = {
        "DATA_DIR": str(data),
        "LOG_LEVEL": "WARNING",
        "REPLY_DEBOUNCE_SECONDS": "0",
        "RETRY_MIN_SECONDS": "0.05",
        "RETRY_MAX_SECONDS": "0.2",
    }
    with (data / "log").open("ab") as log:
        program = Fork(
            "tests.crash.stepping:main",
            str(last_step),
            directory=data,
            environment=variables | environment,
            stdout=log,
            stderr=log,
        )
        return program.wait(_PATIENCE)
