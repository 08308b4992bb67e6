"""The events of one topic in memory: a queue per key, and a pool of threads that handle the first event of each.

The threads are shared between tenants: a tenant may use up to `TENANT_SHARE`
times as many threads as are idle. Alone it gets most of them, and the next
tenant always gets one.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import SimpleQueue

from shared.domain.events import Event, Topic

MAX_TEXTS = 1000
"""Events of a topic that are kept in memory; the text of later ones is read from the database again."""

TENANT_SHARE = 3
"""How many threads a tenant may use for each one that is idle."""

TENANT_SQL = "CASE WHEN json_valid(event) THEN ifnull(json_extract(event, '$.tenant_id'), '') ELSE '' END"
"""The tenant of a row of `events`, as SQL that accepts any text."""


@dataclass(slots=True)
class QueuedEvent:
    """A row of `events`; `id` is 0 for an event that has no row.

    `attempts` counts those already made; `due` is a Unix time; `text` is None
    when it has to be read from the database. `event` is what this process has
    published, until it is handed over. `name` identifies the event in logs,
    once it was handed over.
    """

    id: int
    topic: Topic
    key: str
    tenant_id: str
    text: str | None
    attempts: int = 0
    due: float = 0.0
    name: str = "(unread)"
    event: Event | None = None

    @property
    def is_durable(self) -> bool:
        return self.id != 0


class TopicQueue:
    """Calls `handle` on up to `workers` threads: one event of a key after the other, all keys side by side.

    `handle` must end with `complete` or `retry`, at once or later; until then the
    later events of the key wait. An event that is not due yet is passed to
    `delay`, which has to pass it to `resume` when it is.
    """

    def __init__(
        self,
        topic: Topic,
        workers: int,
        handle: Callable[[QueuedEvent], None],
        delay: Callable[[QueuedEvent], None],
    ) -> None:
        self._topic = topic
        self._workers = workers
        self._handle = handle
        self._delay = delay
        self._lock = threading.Lock()
        self._by_key: dict[str, deque[QueuedEvent]] = {}
        self._size = 0
        self._busy: Counter[str] = Counter()
        """Threads in use by each tenant."""
        self._throttled: dict[str, deque[QueuedEvent]] = {}
        """Events that are due while their tenant uses its share; the tenant that has waited longest comes first."""
        self._ready: SimpleQueue[QueuedEvent | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._stopping = False

    def add(self, events: Iterable[QueuedEvent]) -> None:
        """Append events; must be called in the order of their ids."""
        with self._lock:
            for event in events:
                self._size += 1
                if self._size > MAX_TEXTS and event.is_durable:
                    event.text = event.event = None
                if event.key in self._by_key:
                    self._by_key[event.key].append(event)
                else:
                    self._by_key[event.key] = deque([event])
                    self._schedule(event)

    @property
    def is_full(self) -> bool:
        return self._size >= MAX_TEXTS

    def complete(self, event: QueuedEvent) -> None:
        """The first event of its key was handled, or was given up; the next one may follow."""
        with self._lock:
            self._size -= 1
            queue = self._by_key[event.key]
            queue.popleft()
            if queue:
                self._schedule(queue[0])
            else:
                del self._by_key[event.key]

    def retry(self, event: QueuedEvent) -> None:
        """The first event of its key has to be handled once more when it is due."""
        with self._lock:
            self._schedule(event)

    def resume(self, event: QueuedEvent) -> None:
        """An event that was delayed is due."""
        with self._lock:
            self._start_or_throttle(event)

    def stop(self) -> None:
        """Start no further handler; running ones go on."""
        with self._lock:
            self._stopping = True
            for _ in self._threads:
                self._ready.put(None)

    def join(self, deadline: float) -> bool:
        """Wait until the monotonic time `deadline` for running handlers; False when one is still running."""
        others = [thread for thread in self._threads if thread is not threading.current_thread()]
        for thread in others:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in others)

    def _schedule(self, event: QueuedEvent) -> None:
        if event.due > time.time():
            self._delay(event)
        else:
            self._start_or_throttle(event)

    def _start_or_throttle(self, event: QueuedEvent) -> None:
        if self._may_start(event.tenant_id):
            self._start(event)
        else:
            self._throttled.setdefault(event.tenant_id, deque()).append(event)

    def _may_start(self, tenant_id: str) -> bool:
        return self._busy[tenant_id] < TENANT_SHARE * (self._workers - self._busy.total())

    def _start(self, event: QueuedEvent) -> None:
        self._busy[event.tenant_id] += 1
        self._ready.put(event)
        if len(self._threads) < self._busy.total() and not self._stopping:
            name = f"bus-{self._topic}-{len(self._threads)}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while (event := self._ready.get()) is not None and not self._stopping:
            self._handle(event)
            with self._lock:
                self._release_thread(event.tenant_id)

    def _release_thread(self, tenant_id: str) -> None:
        """Give the thread to the tenant that has waited longest among those that may use one more."""
        self._busy[tenant_id] -= 1
        if not self._busy[tenant_id]:
            del self._busy[tenant_id]
        next_tenant = next(filter(self._may_start, self._throttled), None)
        if next_tenant is None:
            return
        events = self._throttled.pop(next_tenant)
        self._start(events.popleft())
        if events:
            self._throttled[next_tenant] = events
