"""A process that puts the embedded backend to work, and writes down what has been acknowledged.

    python -m tests.crash.power.work <data directory> <file of acknowledgements> [<number>]

A line of the file, such as `commit 3`, is written after the call has returned.
With a number it does that round of small work and no more.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from shared.bootstrap import bootstrap, close
from shared.config import Settings
from shared.deps import Deps
from shared.domain.events import InboundEvent, Topic
from shared.ports.blobs import Blob
from shared.ports.store import Create, Ref, Set

ROUNDS = 41
"""Rounds of small work: before the large commits, after them, and one after all was closed and opened again."""

LARGE = 280
"""Commits of so many pages that SQLite moves its log into the database meanwhile, which it does at 4000 pages."""

REWRITTEN = 20
"""Documents that the large commits write, one after the other, again and again."""


@contextmanager
def opened(data: Path) -> Iterator[Deps]:
    deps = bootstrap(Settings(data_dir=data))
    try:
        yield deps
    finally:
        close(deps)


def blob(name: str) -> Blob:
    """The file that is kept under that name: larger than a sector of a disk."""
    return Blob(name.encode() * 700, "text/plain")


class _Work:
    def __init__(self, acknowledgements: Path) -> None:
        self._acknowledgements = os.open(acknowledgements, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def small(self, deps: Deps, number: int) -> None:
        """A commit of two documents, an event and a secret, and a file that may be lost."""
        name = str(number)
        deps.store.commit([Create(Ref("left", name), {"text": name}), Create(Ref("right", name), {"text": name})])
        self._acknowledge("commit", name)
        event = InboundEvent(tenant_id="t1", instance_id=name, channel="c", payload={}, received_at=datetime.now(UTC))
        deps.bus.publish(Topic.INBOUND, event, key=name)
        self._acknowledge("event", name)
        deps.secrets.write(name, {"token": name})
        self._acknowledge("secret", name)
        deps.blobs.put(name, blob(name), timedelta(days=1))

    def large(self, deps: Deps, number: int) -> None:
        document = Ref("large", str(number % REWRITTEN))
        deps.store.commit([Set(document, {"number": number, "text": f"{number:06}" * 10_000})])
        self._acknowledge("large", str(number))

    def _acknowledge(self, kind: str, name: str) -> None:
        os.write(self._acknowledgements, f"{kind} {name}\n".encode())


def everything(data: Path, work: _Work) -> None:
    with opened(data) as deps, ThreadPoolExecutor(4) as pool:
        list(pool.map(partial(work.small, deps), range(ROUNDS // 2)))
        for number in range(LARGE):
            work.large(deps, number)
        list(pool.map(partial(work.small, deps), range(ROUNDS // 2, ROUNDS - 1)))
    one_round(data, work, ROUNDS - 1)


def one_round(data: Path, work: _Work, number: int) -> None:
    with opened(data) as deps:
        work.small(deps, number)


if __name__ == "__main__":
    data, acknowledgements, *number = sys.argv[1:]
    if number:
        one_round(Path(data), _Work(Path(acknowledgements)), int(number[0]))
    else:
        everything(Path(data), _Work(Path(acknowledgements)))
