"""One topic's events between the database and their consumer: a queue per key, and threads for the heads.

Threads are shared between tenants so that none can keep the others waiting: a
tenant may hold up to `SHARE` times as many as are left. Alone it gets most of
them, and whoever comes after it always finds one.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import SimpleQueue

from shared.domain.events import Topic

MAX_TEXTS = 1000
"""Entries of a lane that keep their text in memory; a longer backlog is read again from the database."""

SHARE = 3
"""How many threads a tenant may hold for each one that is left."""

TENANT = "CASE WHEN json_valid(event) THEN ifnull(json_extract(event, '$.tenant_id'), '') ELSE '' END"
"""The SQL of an entry's tenant, whatever is in the row."""


@dataclass(slots=True)
class Entry:
    """An event's row, or with `id` 0 an event that has none.

    `attempts` are those already made; `due` is a Unix time; `text` None means: ask the database. `name` is what logs
    call it, once it was read.
    """

    id: int
    topic: Topic
    key: str
    tenant_id: str
    text: str | None
    attempts: int = 0
    due: float = 0.0
    name: str = "(unread)"

    @property
    def is_kept(self) -> bool:
        return self.id != 0


class Lane:
    """Hands entries to `handle` on up to `workers` threads: in order within a key, all keys side by side.

    `handle` ends each entry with `done` or `again`; until then the key's later
    entries wait. An entry that is not due is given to `sleep`, which calls
    `wake` when it is.
    """

    def __init__(
        self, topic: Topic, workers: int, handle: Callable[[Entry], None], sleep: Callable[[Entry], None]
    ) -> None:
        self._topic = topic
        self._workers = workers
        self._handle = handle
        self._sleep = sleep
        self._lock = threading.Lock()
        self._queues: dict[str, deque[Entry]] = {}
        self._waiting = 0
        self._running: Counter[str] = Counter()
        self._held: dict[str, deque[Entry]] = {}
        self._ready: SimpleQueue[Entry | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._stopping = False

    def offer(self, entries: Iterable[Entry]) -> None:
        """Queue entries; must be called in the order of their ids."""
        with self._lock:
            for entry in entries:
                self._waiting += 1
                if self._waiting > MAX_TEXTS and entry.is_kept:
                    entry.text = None
                if entry.key in self._queues:
                    self._queues[entry.key].append(entry)
                else:
                    self._queues[entry.key] = deque([entry])
                    self._schedule(entry)

    @property
    def is_crowded(self) -> bool:
        return self._waiting >= MAX_TEXTS

    def done(self, entry: Entry) -> None:
        """The key's head is finished with, one way or the other."""
        with self._lock:
            self._waiting -= 1
            queue = self._queues[entry.key]
            queue.popleft()
            if queue:
                self._schedule(queue[0])
            else:
                del self._queues[entry.key]

    def again(self, entry: Entry) -> None:
        """The key's head is to be handed out once more when it is due."""
        with self._lock:
            self._schedule(entry)

    def wake(self, entry: Entry) -> None:
        """The time of a sleeping entry has come."""
        with self._lock:
            self._make_ready(entry)

    def stop(self) -> None:
        """Take nothing more; what runs goes on."""
        with self._lock:
            self._stopping = True
            for _ in self._threads:
                self._ready.put(None)

    def join(self, deadline: float) -> bool:
        """Wait until the monotonic time `deadline` for running handlers; False when one still runs."""
        others = [thread for thread in self._threads if thread is not threading.current_thread()]
        for thread in others:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in others)

    def _schedule(self, entry: Entry) -> None:
        if entry.due > time.time():
            self._sleep(entry)
        else:
            self._make_ready(entry)

    def _make_ready(self, entry: Entry) -> None:
        if self._has_place(entry.tenant_id):
            self._start(entry)
        else:
            self._held.setdefault(entry.tenant_id, deque()).append(entry)

    def _has_place(self, tenant_id: str) -> bool:
        return self._running[tenant_id] < SHARE * (self._workers - self._running.total())

    def _start(self, entry: Entry) -> None:
        self._running[entry.tenant_id] += 1
        self._ready.put(entry)
        if len(self._threads) < self._running.total() and not self._stopping:
            name = f"bus-{self._topic}-{len(self._threads)}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while (entry := self._ready.get()) is not None and not self._stopping:
            self._handle(entry)
            with self._lock:
                self._leave(entry.tenant_id)

    def _leave(self, tenant_id: str) -> None:
        """A thread is free again: for the tenant that has waited longest of those that may have it."""
        self._running[tenant_id] -= 1
        if not self._running[tenant_id]:
            del self._running[tenant_id]
        waiting = next(filter(self._has_place, self._held), None)
        if waiting is None:
            return
        entries = self._held.pop(waiting)
        self._start(entries.popleft())
        if entries:
            self._held[waiting] = entries
