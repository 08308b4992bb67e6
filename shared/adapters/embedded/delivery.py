"""One run of `consume`: lanes for its topics, a clock for what is not due, and a look-out for other processes."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeAlias

from shared.adapters.embedded.database import Database
from shared.adapters.embedded.lane import TENANT, Entry, Lane
from shared.domain.events import Topic
from shared.errors import StoreError

logger = logging.getLogger(__name__)

Handler: TypeAlias = "Callable[[Delivery, Entry], None]"

POLL_INTERVAL = 1.0
"""Seconds between two looks for rows that another process published."""


class Delivery:
    """Gets every row of its topics into a lane, once and in the order of the ids.

    `offer` and `catch_up` run in the callbacks of commits only, so they see one
    row after the other and never a row of a commit still to come.
    """

    def __init__(self, database: Database, workers: Mapping[Topic, int], handle: Handler) -> None:
        self._database = database
        take = partial(handle, self)
        self._lanes = {topic: Lane(topic, count, take, self._sleep) for topic, count in workers.items()}
        self._last_id = 0
        self._sleeping: list[tuple[float, int, Entry]] = []
        self._changed = threading.Condition()
        self._stopping = False
        self._clock = threading.Thread(target=self._keep_time, name="bus-clock", daemon=True)

    def start(self) -> None:
        self._database.write(lambda _: None, committed=lambda _: self.catch_up())
        self._clock.start()

    @property
    def alive(self) -> bool:
        return self._clock.is_alive()

    def offer(self, entry: Entry) -> None:
        """Take a row that this process has just committed."""
        if entry.id == self._last_id + 1:
            self._last_id = entry.id
            self._distribute([entry])
        elif entry.id > self._last_id:
            # Another process published in between: its rows come first.
            self.catch_up()

    def take_unkept(self, entry: Entry) -> bool:
        """Take an event that has no row; False when this run does not consume its topic, or has too many waiting."""
        lane = self._lanes.get(entry.topic)
        if lane is None or self._stopping or lane.is_crowded:
            return False
        lane.offer([entry])
        return True

    def catch_up(self) -> None:
        """Take all rows that were not seen yet from the database."""
        sql = f"SELECT id, topic, key, {TENANT}, NULL, attempts, due FROM events WHERE id > ? ORDER BY id"  # noqa: S608  ours
        entries = [Entry(*row) for row in self._database.read(sql, (self._last_id,))]
        if entries:
            self._last_id = entries[-1].id
            self._distribute(entries)

    def done(self, entry: Entry) -> None:
        self._lanes[entry.topic].done(entry)

    def again(self, entry: Entry) -> None:
        self._lanes[entry.topic].again(entry)

    def stop(self, patience: float) -> None:
        """Return when the running handlers have ended, or after `patience` seconds."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        for lane in self._lanes.values():
            lane.stop()
        deadline = time.monotonic() + patience
        ended = [lane.join(deadline) for lane in self._lanes.values()]
        if not all(ended):
            logger.warning("stopped consuming while a consumer was still at work")
        self._clock.join(patience)

    def _distribute(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            lane = self._lanes.get(entry.topic)
            if lane is not None:
                lane.offer([entry])

    def _sleep(self, entry: Entry) -> None:
        with self._changed:
            heapq.heappush(self._sleeping, (entry.due, entry.id, entry))
            self._changed.notify()

    def _keep_time(self) -> None:
        next_poll = time.time() + POLL_INTERVAL
        while not self._stopping:
            for entry in self._due(until=next_poll):
                self._lanes[entry.topic].wake(entry)
            # Read again rather than counted on: a wall clock may be set back.
            if not next_poll - POLL_INTERVAL <= time.time() < next_poll:
                self._poll()
                next_poll = time.time() + POLL_INTERVAL

    def _due(self, until: float) -> list[Entry]:
        """Wait for something to be due, or until `until`."""
        with self._changed:
            wake_at = min(until, self._sleeping[0][0]) if self._sleeping else until
            if not self._stopping and wake_at > time.time():
                self._changed.wait(min(wake_at - time.time(), POLL_INTERVAL))
            due = []
            while self._sleeping and self._sleeping[0][0] <= time.time():
                due.append(heapq.heappop(self._sleeping)[2])
            return due

    def _poll(self) -> None:
        try:
            self._database.write(lambda _: None, committed=lambda _: self.catch_up())
        except StoreError as error:
            if not self._stopping:
                logger.warning("could not look for new events: %s", error.detail)
