"""One run of `consume`: a queue per topic, a timer for delayed events, and polling for other processes' events."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeAlias

from shared.adapters.embedded.engine.database import Database
from shared.adapters.embedded.engine.topic_queue import TENANT_SQL, QueuedEvent, TopicQueue
from shared.domain.events import Topic
from shared.errors import StoreError

logger = logging.getLogger(__name__)

Handler: TypeAlias = "Callable[[Consumption, QueuedEvent], None]"

POLL_INTERVAL = 1.0
"""Seconds between two queries for rows that another process published."""


class Consumption:
    """Puts every row of its topics into the topic's queue, once and in the order of the ids.

    `add` and `catch_up` run only in the callbacks of commits. These come one at a
    time and in order, so no row is missed and none is seen before its commit.
    """

    def __init__(self, database: Database, workers: Mapping[Topic, int], handle: Handler) -> None:
        self._database = database
        handle_event = partial(handle, self)
        self._queues = {topic: TopicQueue(topic, count, handle_event, self._delay) for topic, count in workers.items()}
        self._last_id = 0
        self._delayed: list[tuple[float, int, QueuedEvent]] = []
        self._timer_changed = threading.Condition()
        self._stopping = False
        self._timer = threading.Thread(target=self._run_timer, name="bus-timer", daemon=True)

    def start(self) -> None:
        self._database.write(lambda _: None, committed=lambda _: self.catch_up())
        self._timer.start()

    @property
    def alive(self) -> bool:
        return self._timer.is_alive()

    def add(self, event: QueuedEvent) -> None:
        """Queue a row that this process has just committed."""
        if event.id == self._last_id + 1:
            self._last_id = event.id
            self._distribute([event])
        elif event.id > self._last_id:
            # Another process published in between: its rows come first.
            self.catch_up()

    def add_transient(self, event: QueuedEvent) -> bool:
        """Queue an event that has no row; False when its topic is not consumed here, or its queue is full."""
        queue = self._queues.get(event.topic)
        if queue is None or self._stopping or queue.is_full:
            return False
        queue.add([event])
        return True

    def catch_up(self) -> None:
        """Queue all rows that were not queued yet."""
        sql = f"SELECT id, topic, key, {TENANT_SQL}, NULL, attempts, due FROM events WHERE id > ? ORDER BY id"  # noqa: S608  ours
        events = [QueuedEvent(*row) for row in self._database.read(sql, (self._last_id,))]
        if events:
            self._last_id = events[-1].id
            self._distribute(events)

    def complete(self, event: QueuedEvent) -> None:
        self._queues[event.topic].complete(event)

    def retry(self, event: QueuedEvent) -> None:
        self._queues[event.topic].retry(event)

    def stop(self, patience: float) -> None:
        """Return when the running handlers have ended, or after `patience` seconds."""
        with self._timer_changed:
            self._stopping = True
            self._timer_changed.notify()
        for queue in self._queues.values():
            queue.stop()
        deadline = time.monotonic() + patience
        ended = [queue.join(deadline) for queue in self._queues.values()]
        if not all(ended):
            logger.warning("stopped consuming while a consumer was still at work")
        self._timer.join(patience)

    def _distribute(self, events: Iterable[QueuedEvent]) -> None:
        for event in events:
            queue = self._queues.get(event.topic)
            if queue is not None:
                queue.add([event])

    def _delay(self, event: QueuedEvent) -> None:
        with self._timer_changed:
            heapq.heappush(self._delayed, (event.due, event.id, event))
            self._timer_changed.notify()

    def _run_timer(self) -> None:
        next_poll = time.time() + POLL_INTERVAL
        while not self._stopping:
            for event in self._wait_for_due(until=next_poll):
                self._queues[event.topic].resume(event)
            # The wall clock may have been set back since `next_poll` was computed.
            if not next_poll - POLL_INTERVAL <= time.time() < next_poll:
                self._poll()
                next_poll = time.time() + POLL_INTERVAL

    def _wait_for_due(self, until: float) -> list[QueuedEvent]:
        """Wait until an event is due, or until the Unix time `until`; returns the due events."""
        with self._timer_changed:
            wake_at = min(until, self._delayed[0][0]) if self._delayed else until
            if not self._stopping and wake_at > time.time():
                self._timer_changed.wait(min(wake_at - time.time(), POLL_INTERVAL))
            due = []
            while self._delayed and self._delayed[0][0] <= time.time():
                due.append(heapq.heappop(self._delayed)[2])
            return due

    def _poll(self) -> None:
        try:
            self._database.write(lambda _: None, committed=lambda _: self.catch_up())
        except StoreError as error:
            if not self._stopping:
                logger.warning("could not look for new events: %s", error.detail)
