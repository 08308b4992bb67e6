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

from shared.adapters.embedded import retention, rows
from shared.adapters.embedded.database import Database, Job
from shared.adapters.embedded.delivery import Delivery
from shared.adapters.embedded.lane import TENANT, Entry
from shared.adapters.embedded.turn import Turn
from shared.domain.events import EVENTS, Event, Topic
from shared.errors import BadRequest, ConfigurationInvalid, HubError, NotFound, StoreError
from shared.ports.bus import Consumer, DeadLetter, DeadLetterPage

logger = logging.getLogger(__name__)

WORKERS: Mapping[Topic, int] = {Topic.INBOUND: 12, Topic.REPLIES: 32, Topic.OUTBOUND: 16, Topic.REALTIME: 4}
"""Threads per topic: replies wait for language models, outbound for providers, and neither may hold up the others. One
tenant alone gets three quarters of them.
"""

UNKEPT = frozenset({Topic.REALTIME})
"""Topics whose events need no row while this very process consumes them: the sockets that they are for die with it."""

STOP_PATIENCE = 10.0
"""Seconds that running consumers get to end."""

# Seconds; what is kept too long is not missed by the hour.
_PRUNE_EVERY = 3600.0
_LETTER_ID = re.compile(r"[0-9]{1,18}")


class SqliteBus:
    """`Bus` over a `Database`, which it closes with itself. One process consumes, any may publish.

    The pauses between attempts, in seconds, double from `min_backoff` to `max_backoff`.
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
        self._delivery: Delivery | None = None
        self._pruned_at = 0.0
        self._turns = threading.local()

    def publish(self, topic: Topic, event: Event, key: str, delay: float = 0.0) -> None:
        if not isinstance(event, EVENTS[topic]):
            raise TypeError(f"{topic} does not carry a {type(event).__name__}")
        due = time.time() + delay if delay > 0 else 0.0
        entry = Entry(0, topic, key, event.tenant_id, event.model_dump_json(), due=due)
        if topic in UNKEPT and self._delivery is not None and self._delivery.take_unkept(entry):
            return
        turn: Turn | None = getattr(self._turns, "current", None)
        if turn is None:
            self._database.write_together(_insert_all, entry, committed=self._offer)
        else:
            self._publish_in(turn, entry)

    def consume(self, consumers: Mapping[Topic, Consumer]) -> Callable[[], None]:
        """Raises `ConfigurationInvalid` when this or another process consumes already."""
        if self._delivery is not None:
            raise ConfigurationInvalid("this bus is being consumed already")
        self._database.claim_consumer()
        self._consumers = dict(consumers)
        delivery = Delivery(self._database, {topic: self._workers[topic] for topic in consumers}, self._hand_out)
        self._delivery = delivery
        delivery.start()
        return partial(self._stop, delivery)

    @property
    def alive(self) -> bool:
        return self._delivery is None or self._delivery.alive

    def dead_letters(self, topic: Topic, limit: int = 100, cursor: str | None = None) -> DeadLetterPage:
        after = _row_id(cursor) if cursor is not None else 0
        if after is None:
            raise BadRequest("the cursor does not belong to this list", {"cursor": "unknown"})
        sql = "SELECT id, event, reason, died_at FROM dead_letters WHERE topic = ? AND id > ? ORDER BY id LIMIT ?"
        found = self._database.read(sql, (topic.value, after, limit + 1))
        letters = [
            DeadLetter(str(id_), topic, _decoded(topic, text), reason, datetime.fromisoformat(died_at))
            for id_, text, reason, died_at in found[:limit]
        ]
        return DeadLetterPage(letters, letters[-1].id if len(found) > limit else None)

    def redrive(self, topic: Topic, letter_id: str) -> None:
        job = partial(_exhume, topic=topic, row_id=_row_id(letter_id))
        self._database.write(job, committed=self._offer)

    def replay(self, topic: Topic, since: datetime) -> int:
        def job(connection: sqlite3.Connection) -> int:
            return retention.replay(connection, topic, since.timestamp())

        def catch_up(_: int) -> None:
            if self._delivery is not None:
                self._delivery.catch_up()

        return self._database.write(job, committed=catch_up)

    def close(self) -> None:
        if self._delivery is not None:
            self._stop(self._delivery)
        self._database.close()

    def _offer(self, entry: Entry) -> None:
        if self._delivery is not None:
            self._delivery.offer(entry)

    def _stop(self, delivery: Delivery) -> None:
        if self._delivery is not delivery:
            return
        delivery.stop(STOP_PATIENCE)
        try:
            for _ in range(2):  # behind what was published last, and behind the acknowledgements that follow from it
                self._database.write(lambda _: None)
        except StoreError as error:
            logger.warning("acknowledgements were lost, their events come again: %s", error.detail)
        self._delivery = None
        self._database.release_consumer()

    def _publish_in(self, turn: Turn, entry: Entry) -> None:
        """Publish for a consumer, which goes on at once: its own event stays until this one is durable."""

        def settled(outcome: Entry | Exception) -> None:
            if isinstance(outcome, Exception):
                turn.end(outcome)
            else:
                self._offer(outcome)
                turn.end()

        turn.begin()
        try:
            self._database.write_together_soon(_insert_all, entry, settled)
        except StoreError:
            turn.end()
            raise

    def _hand_out(self, delivery: Delivery, entry: Entry) -> None:
        turn = self._turns.current = Turn(partial(self._over, delivery, entry))
        failure = None
        try:
            self._consumers[entry.topic](self._event(entry))
        except Exception as error:  # noqa: BLE001  whatever it is, the event must come again
            failure = error
        finally:
            self._turns.current = None
        turn.end(failure)

    def _over(self, delivery: Delivery, entry: Entry, failure: Exception | None) -> None:
        if failure is None:
            self._acknowledge(entry)
            delivery.done(entry)
        else:
            self._refused(delivery, entry, describe(failure))

    def _event(self, entry: Entry) -> Event:
        """Parse the text for each attempt: consumers share no objects with publishers, as with any other bus."""
        text = entry.text
        if text is None:
            text = self._database.read("SELECT event FROM events WHERE id = ?", (entry.id,))[0][0]
        event = _decoded(entry.topic, text).model_copy(update={"attempt": entry.attempts + 1})
        entry.name = event.id
        return event

    def _refused(self, delivery: Delivery, entry: Entry, reason: str) -> None:
        entry.attempts += 1
        if entry.attempts >= self._max_attempts:
            logger.error("%s: event %s died after %d attempts: %s", entry.topic, entry.name, entry.attempts, reason)
            if entry.is_kept:
                self._write_soon(partial(_bury, row_id=entry.id, reason=reason))
            delivery.done(entry)
            return
        pause = self._backoff(entry.attempts)
        logger.warning("%s: event %s comes again in %g s: %s", entry.topic, entry.name, pause, reason)
        entry.due = time.time() + pause
        if entry.is_kept:
            self._write_soon(partial(_postpone, attempts=entry.attempts, due=entry.due, row_id=entry.id))
        delivery.again(entry)

    def _acknowledge(self, entry: Entry) -> None:
        if not entry.is_kept:
            return
        try:
            self._database.write_together_soon(self._take_off, entry.id)
        except StoreError as error:
            logger.warning("an acknowledgement was lost, its event comes again: %s", error.detail)

    def _take_off(self, connection: sqlite3.Connection, ids: Sequence[int]) -> list[None]:
        now = time.time()
        retention.acknowledge(connection, ids, now)
        if now - self._pruned_at > _PRUNE_EVERY:
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
    """What may be kept of an error: only the hub's own are known to name no secret and no payload."""
    name = type(error).__name__
    return f"{name}: {error.detail}" if isinstance(error, HubError) else name


def _decoded(topic: Topic, text: str) -> Event:
    return EVENTS[topic].model_validate_json(text)


def _row_id(text: str) -> int | None:
    return int(text) if _LETTER_ID.fullmatch(text) else None


def _insert_all(connection: sqlite3.Connection, entries: Sequence[Entry]) -> list[Entry]:
    values = [(entry.topic.value, entry.key, entry.text, entry.attempts, entry.due) for entry in entries]
    # Nobody else inserts meanwhile, so the ids have no gap.
    first = rows.insert(connection, "events (topic, key, event, attempts, due)", values) - len(entries) + 1
    for number, entry in enumerate(entries):
        entry.id = first + number
    return list(entries)


def _postpone(connection: sqlite3.Connection, attempts: int, due: float, row_id: int) -> None:
    connection.execute("UPDATE events SET attempts = ?, due = ? WHERE id = ?", (attempts, due, row_id))


def _bury(connection: sqlite3.Connection, row_id: int, reason: str) -> None:
    connection.execute(
        "INSERT INTO dead_letters (topic, key, event, reason, died_at) "
        "SELECT topic, key, event, ?, ? FROM events WHERE id = ?",
        (reason, datetime.now(UTC).isoformat(), row_id),
    )
    connection.execute("DELETE FROM events WHERE id = ?", (row_id,))


def _exhume(connection: sqlite3.Connection, topic: Topic, row_id: int | None) -> Entry:
    sql = f"DELETE FROM dead_letters WHERE id = ? AND topic = ? RETURNING key, {TENANT}, event"  # noqa: S608  ours
    row = connection.execute(sql, (row_id, topic.value)).fetchone()
    if row is None:
        raise NotFound("there is no such dead letter")
    return _insert_all(connection, [Entry(0, topic, *row)])[0]
