"""The event bus over SQLite: an event is a row until its consumer has returned."""

from __future__ import annotations

import logging
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from shared.adapters.embedded import erasing, retention, search
from shared.adapters.embedded.engine.acknowledgement import PendingAcknowledgement
from shared.adapters.embedded.engine.bulk_insert import insert_rows
from shared.adapters.embedded.engine.consumption import Consumption
from shared.adapters.embedded.engine.database import Database, Job
from shared.adapters.embedded.engine.topic_queue import QueuedEvent
from shared.domain.events import EVENTS, Event, Topic
from shared.errors import BadRequest, ConfigurationInvalid, HubError, NotFound, StoreError
from shared.ports.bus import Choice, Consumer, DeadLetter, DeadLetterPage

logger = logging.getLogger(__name__)

WORKERS: Mapping[Topic, int] = {
    Topic.INBOUND: 12,
    Topic.REPLIES: 32,
    Topic.OUTBOUND: 16,
    Topic.REALTIME: 4,
    Topic.EVENTS: 16,
}
"""Threads per topic: replies wait for language models, outbound for providers, events for
the systems of tenants, and none may block the others. One tenant alone gets three quarters of them.
"""

TRANSIENT = frozenset({Topic.REALTIME})
"""Topics whose events get no row while this process consumes them: the sockets they are meant for end with it."""

PROVIDERS_OWN = frozenset({Topic.INBOUND})
"""Topics whose events hold what providers sent: consumers get it as it was written down, at each attempt alike."""

STOP_PATIENCE = 10.0
"""Seconds that running consumers get to end."""

_PRUNE_INTERVAL = 3600.0
"""Seconds between two deletions of events that were retained long enough."""

_INDEX_INTERVAL = 1.0
"""Seconds after which the search index takes in what was written meanwhile."""

_LETTER_ID = re.compile(r"[0-9]{1,18}")


class _ErasedEvent(Exception):
    """The event was erased while it waited."""


class SqliteBus:
    """`Bus` over a `Database`, which it closes with itself. One process consumes, any may publish.

    The pauses between attempts, in seconds, double from `min_backoff` to `max_backoff`.
    What is redriven or replayed is found as another process's events are: within a second.
    """

    def __init__(
        self,
        database: Database,
        *,
        min_backoff: float = 10.0,
        max_backoff: float = 600.0,
        max_attempts: int = 10,
        workers: Mapping[Topic, int] = WORKERS,
    ) -> None:
        self._database = database
        self._backoff = partial(backoff, least=min_backoff, most=max_backoff)
        self._max_attempts = max_attempts
        self._workers = dict(WORKERS) | dict(workers)
        self._consumers: Mapping[Topic, Consumer] = {}
        self._consumption: Consumption | None = None
        self._pruned_at = self._indexed_at = 0.0
        self._handling = threading.local()

    def publish(self, topic: Topic, event: Event, key: str, delay: float = 0.0) -> None:
        if not isinstance(event, EVENTS[topic]):
            raise TypeError(f"{topic} does not carry a {type(event).__name__}")
        due = time.time() + delay if delay > 0 else 0.0
        queued = QueuedEvent(0, topic, key, event.tenant_id, event.model_dump_json(), due=due)
        if topic not in PROVIDERS_OWN:
            queued.event = event
        if topic in TRANSIENT and self._consumption is not None and self._consumption.add_transient(queued):
            return
        pending: PendingAcknowledgement | None = getattr(self._handling, "acknowledgement", None)
        if pending is None:
            self._database.write_together(_insert_events, queued, committed=self._add_to_queue)
        else:
            self._publish_in_consumer(pending, queued)

    def consume(self, consumers: Mapping[Topic, Consumer]) -> Callable[[], None]:
        """Raises `ConfigurationInvalid` when this or another process consumes already."""
        if self._consumption is not None:
            raise ConfigurationInvalid("this bus is being consumed already")
        self._database.claim_consumer()
        self._consumers = dict(consumers)
        consumption = Consumption(self._database, {topic: self._workers[topic] for topic in consumers}, self._handle)
        self._consumption = consumption
        consumption.start()
        return partial(self._stop, consumption)

    @property
    def alive(self) -> bool:
        return self._consumption is None or self._consumption.alive

    def dead_letters(self, topic: Topic, limit: int = 100, cursor: str | None = None) -> DeadLetterPage:
        after = _row_id(cursor) if cursor is not None else 0
        if after is None:
            raise BadRequest("the cursor does not belong to this list", {"cursor": "unknown"})
        sql = "SELECT id, event, reason, died_at FROM dead_letters WHERE topic = ? AND id > ? ORDER BY id LIMIT ?"
        rows = self._database.read(sql, (topic.value, after, limit + 1))
        letters = [
            DeadLetter(str(id_), topic, _parse(topic, text), reason, datetime.fromisoformat(died_at))
            for id_, text, reason, died_at in rows[:limit]
        ]
        return DeadLetterPage(letters, letters[-1].id if len(rows) > limit else None)

    def redrive(self, topic: Topic, letter_id: str) -> None:
        self._database.write(partial(_restore_dead_letter, topic=topic, row_id=_row_id(letter_id)))

    def replay(self, topic: Topic, since: datetime) -> int:
        return self._database.write(partial(retention.replay, topic=topic, since=since.timestamp()))

    def erase(self, topic: Topic, choose: Choice) -> int:
        return erasing.erase(self._database, topic, choose)

    def close(self) -> None:
        if self._consumption is not None:
            self._stop(self._consumption)
        self._database.close()

    def _add_to_queue(self, event: QueuedEvent) -> None:
        if self._consumption is not None:
            self._consumption.add(event)

    def _stop(self, consumption: Consumption) -> None:
        if self._consumption is not consumption:
            return
        consumption.stop(STOP_PATIENCE)
        try:
            for _ in range(2):  # after the last published events, and after the acknowledgements that follow from them
                self._database.write(lambda _: None)
        except StoreError as error:
            logger.warning("acknowledgements were lost, their events come again: %s", error.detail)
        self._consumption = None
        self._database.release_consumer()

    def _publish_in_consumer(self, pending: PendingAcknowledgement, event: QueuedEvent) -> None:
        """Publish without waiting: the consumer's own event is not acknowledged before this one is durable."""

        def settled(outcome: QueuedEvent | Exception) -> None:
            if isinstance(outcome, Exception):
                pending.finish(outcome)
            else:
                self._add_to_queue(outcome)
                pending.finish()

        pending.add()
        try:
            self._database.write_together_soon(_insert_events, event, settled)
        except StoreError:
            pending.finish()
            raise

    def _handle(self, consumption: Consumption, event: QueuedEvent) -> None:
        pending = self._handling.acknowledgement = PendingAcknowledgement(partial(self._finish, consumption, event))
        failure = None
        try:
            self._consumers[event.topic](self._load(event))
        except Exception as error:  # noqa: BLE001  whatever it is, the event must come again
            failure = error
        finally:
            self._handling.acknowledgement = None
        pending.finish(failure)

    def _finish(self, consumption: Consumption, event: QueuedEvent, failure: Exception | None) -> None:
        if failure is None:
            self._acknowledge(event)
            consumption.complete(event)
        elif isinstance(failure, _ErasedEvent):
            consumption.complete(event)
        else:
            self._retry_or_give_up(consumption, event, describe(failure))

    def _load(self, queued: QueuedEvent) -> Event:
        """The event for one attempt.

        The first one gets the event that was published, if it was in this process, for what was written a moment ago
        need not be parsed. Whoever publishes an event lets go of it. Later attempts get what was written, whatever a
        consumer has done to the event.
        """
        event, queued.event = queued.event, None
        if event is not None:
            queued.name = event.id
            return event.model_copy(update={"attempt": queued.attempts + 1})
        text = queued.text
        if text is None:
            rows = self._database.read("SELECT event FROM events WHERE id = ?", (queued.id,))
            if not rows:
                raise _ErasedEvent
            text = rows[0][0]
        event = _parse(queued.topic, text).model_copy(update={"attempt": queued.attempts + 1})
        queued.name = event.id
        return event

    def _retry_or_give_up(self, consumption: Consumption, event: QueuedEvent, reason: str) -> None:
        event.attempts += 1
        if event.attempts >= self._max_attempts:
            logger.error("%s: event %s died after %d attempts: %s", event.topic, event.name, event.attempts, reason)
            if event.is_durable:
                self._write_soon(partial(_move_to_dead_letters, row_id=event.id, reason=reason))
            consumption.complete(event)
            return
        pause = self._backoff(event.attempts)
        logger.warning("%s: event %s comes again in %g s: %s", event.topic, event.name, pause, reason)
        event.due = time.time() + pause
        if event.is_durable:
            self._write_soon(partial(_postpone, attempts=event.attempts, due=event.due, row_id=event.id))
        consumption.retry(event)

    def _acknowledge(self, event: QueuedEvent) -> None:
        if not event.is_durable:
            return
        try:
            self._database.write_together_soon(self._delete_events, event.id)
        except StoreError as error:
            logger.warning("an acknowledgement was lost, its event comes again: %s", error.detail)

    def _delete_events(self, connection: sqlite3.Connection, ids: Sequence[int]) -> list[None]:
        now = time.time()
        retention.acknowledge(connection, ids, now)
        if now - self._indexed_at > _INDEX_INTERVAL:
            self._indexed_at = now
            search.index_pending(connection)
        if now - self._pruned_at > _PRUNE_INTERVAL:
            self._pruned_at = now
            retention.prune(connection, now)
        return [None] * len(ids)

    def _write_soon(self, job: Job[object]) -> None:
        try:
            self._database.write_soon(job)
        except StoreError as error:
            logger.warning("an event's outcome was lost, it comes again: %s", error.detail)


def backoff(attempts: int, least: float, most: float) -> float:
    """Seconds to wait after so many attempts that failed."""
    return min(most, least * 2.0 ** min(attempts - 1, 62))


def describe(error: Exception) -> str:
    """What may be stored of an error: only the hub's own are sure to contain no secret and no payload."""
    name = type(error).__name__
    return f"{name}: {error.detail}" if isinstance(error, HubError) else name


def _parse(topic: Topic, text: str) -> Event:
    return EVENTS[topic].model_validate_json(text)


def _row_id(text: str) -> int | None:
    return int(text) if _LETTER_ID.fullmatch(text) else None


def _insert_events(connection: sqlite3.Connection, events: Sequence[QueuedEvent]) -> list[QueuedEvent]:
    rows = [(event.topic.value, event.key, event.text, event.attempts, event.due) for event in events]
    # This transaction is the only writer, so the ids have no gap.
    first = insert_rows(connection, "events (topic, key, event, attempts, due)", rows) - len(events) + 1
    for number, event in enumerate(events):
        event.id = first + number
    return list(events)


def _postpone(connection: sqlite3.Connection, attempts: int, due: float, row_id: int) -> None:
    connection.execute("UPDATE events SET attempts = ?, due = ? WHERE id = ?", (attempts, due, row_id))


def _move_to_dead_letters(connection: sqlite3.Connection, row_id: int, reason: str) -> None:
    connection.execute(
        "INSERT INTO dead_letters (topic, key, event, reason, died_at) "
        "SELECT topic, key, event, ?, ? FROM events WHERE id = ?",
        (reason, datetime.now(UTC).isoformat(), row_id),
    )
    connection.execute("DELETE FROM events WHERE id = ?", (row_id,))


def _restore_dead_letter(connection: sqlite3.Connection, topic: Topic, row_id: int | None) -> None:
    sql = "DELETE FROM dead_letters WHERE id = ? AND topic = ? RETURNING topic, key, event"
    row = connection.execute(sql, (row_id, topic.value)).fetchone()
    if row is None:
        raise NotFound("there is no such dead letter")
    connection.execute("INSERT INTO events (topic, key, event, attempts, due) VALUES (?, ?, ?, 0, 0)", row)
