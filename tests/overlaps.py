"""Two things at once, made deterministic: a test says what happens between a read and its commit.

`overlapping(deps)` wraps the store, the bus and the clock of a hub. Until a test
asks for something they only pass calls on. What a test asks for happens once, on
the thread that made the call, and may use the hub itself: it is never caught by
its own condition.

    overlaps.store.before_commit("outbox", lambda: deliver(deps, tenant_id, conversation_id))
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.cache import TTLCache
from shared.deps import Deps
from shared.domain.events import Event, Topic
from shared.ports.bus import Bus, Choice, Consumer, DeadLetterPage
from shared.ports.store import Document, Order, Page, Ref, Store, Where, Write
from shared.security.buckets import Buckets

Happening = Callable[[], object]
"""What happens; what it raises is raised to whoever made the call that it happened in."""


class _Once:
    """Conditions, each with what happens the first time that one holds; of several, the one asked for first."""

    def __init__(self) -> None:
        self._waiting: list[tuple[object, Happening]] = []
        self._lock = threading.Lock()

    def add(self, condition: object, happening: Happening) -> None:
        with self._lock:
            self._waiting.append((condition, happening))

    def meet(self, conditions: Collection[object]) -> None:
        """Let what waits for one of the conditions happen, unless this thread is in the middle of a happening."""
        if self._waiting and not getattr(_here, "is_happening", False):
            _run(self._take(conditions))

    def _take(self, conditions: Collection[object]) -> Happening | None:
        with self._lock:
            for entry in self._waiting:
                if entry[0] in conditions:
                    self._waiting.remove(entry)
                    return entry[1]
        return None

    @property
    def is_empty(self) -> bool:
        return not self._waiting


_here = threading.local()


def _run(happening: Happening | None) -> None:
    if happening is None:
        return
    _here.is_happening = True
    try:
        happening()
    finally:
        _here.is_happening = False


def _named(refs: Iterable[Ref]) -> set[object]:
    """What a condition may name of these documents: each, and its collection."""
    return {name for ref in refs for name in (ref, ref.collection)}


class OverlapStore:
    """A store in which a test can act between a read and its commit; `at` is a collection or one document of it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._after_read = _Once()
        self._before_commit = _Once()
        self._after_commit = _Once()

    def after_read(self, at: str | Ref, happening: Happening) -> None:
        """Once, after the next `get` or `find` that brought such a document; the caller sees it as it was."""
        self._after_read.add(at, happening)

    def before_commit(self, at: str | Ref, happening: Happening) -> None:
        """Once, before the next commit that writes such a document. What it raises is a store that refuses."""
        self._before_commit.add(at, happening)

    def after_commit(self, at: str | Ref, happening: Happening) -> None:
        """Once, after the next commit that wrote such a document. What it raises is a crash after it."""
        self._after_commit.add(at, happening)

    @property
    def all_happened(self) -> bool:
        """Whether everything that was asked for has happened: a test whose overlap never came proves nothing."""
        return all(each.is_empty for each in (self._after_read, self._before_commit, self._after_commit))

    def get(self, refs: Sequence[Ref]) -> dict[Ref, Document]:
        documents = self.store.get(refs)
        self._after_read.meet(_named(documents))
        return documents

    def find(
        self,
        collection: str,
        where: Sequence[Where] = (),
        order_by: Sequence[Order] = (),
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        page = self.store.find(collection, where, order_by, limit, cursor)
        self._after_read.meet(_named(document.ref for document in page.documents))
        return page

    def commit(self, writes: Sequence[Write]) -> None:
        written = _named(write.ref for write in writes)
        self._before_commit.meet(written)
        self.store.commit(writes)
        self._after_commit.meet(written)

    def count(self, collection: str, where: Sequence[Where] = (), up_to: int | None = None) -> int:
        return self.store.count(collection, where, up_to)

    def scrub(self) -> None:
        self.store.scrub()

    def close(self) -> None:
        self.store.close()


@dataclass(frozen=True)
class Published:
    topic: Topic
    event: Event
    key: str
    delay: float


class OverlapBus:
    """A bus in which a test can act, or fail, around the publishing of an event; it remembers what was published."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.published: deque[Published] = deque(maxlen=1000)
        self._before_publish = _Once()
        self._after_publish = _Once()

    def before_publish(self, topic: Topic, happening: Happening) -> None:
        """Once, before the next event of the topic is published. What it raises is a bus that cannot store."""
        self._before_publish.add(topic, happening)

    def after_publish(self, topic: Topic, happening: Happening) -> None:
        """Once, after the next event of the topic was published. What it raises is a crash after it."""
        self._after_publish.add(topic, happening)

    @property
    def all_happened(self) -> bool:
        return self._before_publish.is_empty and self._after_publish.is_empty

    def publish(self, topic: Topic, event: Event, key: str, delay: float = 0.0) -> None:
        self._before_publish.meet([topic])
        self.bus.publish(topic, event, key, delay)
        self.published.append(Published(topic, event, key, delay))
        self._after_publish.meet([topic])

    def consume(self, consumers: Mapping[Topic, Consumer]) -> Callable[[], None]:
        return self.bus.consume(consumers)

    @property
    def alive(self) -> bool:
        return self.bus.alive

    def dead_letters(self, topic: Topic, limit: int = 100, cursor: str | None = None) -> DeadLetterPage:
        return self.bus.dead_letters(topic, limit, cursor)

    def redrive(self, topic: Topic, letter_id: str) -> None:
        self.bus.redrive(topic, letter_id)

    def replay(self, topic: Topic, since: datetime) -> int:
        return self.bus.replay(topic, since)

    def erase(self, topic: Topic, choose: Choice) -> int:
        return self.bus.erase(topic, choose)

    def close(self) -> None:
        self.bus.close()


class Clock:
    """The hub's time: the real one, and as much later as a test says. The bus keeps the real time."""

    def __init__(self) -> None:
        self._later = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._later

    def monotonic(self) -> float:
        return time.monotonic() + self._later.total_seconds()

    def advance(self, **duration: float) -> None:
        """Let time pass: `advance(seconds=31)`; the names are those of `timedelta`."""
        self._later += timedelta(**duration)

    def advance_to_next_hour(self) -> None:
        """For what counts by the hour of the clock, in which the test could otherwise begin at any minute."""
        now = self()
        self._later += now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1) - now


@dataclass(frozen=True)
class Overlaps:
    """What a test steers."""

    store: OverlapStore
    bus: OverlapBus
    clock: Clock

    @property
    def all_happened(self) -> bool:
        return self.store.all_happened and self.bus.all_happened


def overlapping(deps: Deps) -> Deps:
    """The same hub, with overlaps that `overlaps` finds."""
    clock = Clock()
    return replace(
        deps,
        store=OverlapStore(deps.store),
        bus=OverlapBus(deps.bus),
        now=clock,
        cache=TTLCache(clock.monotonic),
        buckets=Buckets(clock.monotonic),
    )


def overlaps(deps: Deps) -> Overlaps:
    """What `overlapping` put around the hub."""
    store, bus, clock = deps.store, deps.bus, deps.now
    assert isinstance(store, OverlapStore)
    assert isinstance(bus, OverlapBus)
    assert isinstance(clock, Clock)
    return Overlaps(store, bus, clock)
