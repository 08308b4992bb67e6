"""Consumed events are retained for a while, so that they can be consumed again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import timedelta

from shared.domain.events import Topic

RETAINED_TOPICS = frozenset({Topic.INBOUND})
"""Providers send an event only once; the events of the other topics follow from these."""

RETENTION = timedelta(days=7)


def acknowledge(connection: sqlite3.Connection, rows: Sequence[int], now: float) -> None:
    """Remove events from their topics; those of a retained topic move to `consumed`."""
    topics, ids = json.dumps(sorted(topic.value for topic in RETAINED_TOPICS)), json.dumps(rows)
    connection.execute(
        "INSERT OR REPLACE INTO consumed (id, topic, key, event, consumed_at) "
        "SELECT id, topic, key, event, ? FROM events "
        "WHERE id IN (SELECT value FROM json_each(?)) AND topic IN (SELECT value FROM json_each(?))",
        (now, ids, topics),
    )
    connection.execute("DELETE FROM events WHERE id IN (SELECT value FROM json_each(?))", (ids,))


def replay(connection: sqlite3.Connection, topic: Topic, since: float) -> int:
    """Put events consumed since the Unix time `since` back on their topic, in order; returns how many."""
    result = connection.execute(
        "INSERT INTO events (topic, key, event, attempts, due) "
        "SELECT topic, key, event, 0, 0 FROM consumed WHERE topic = ? AND consumed_at >= ? ORDER BY id",
        (topic.value, since),
    )
    connection.execute("DELETE FROM consumed WHERE topic = ? AND consumed_at >= ?", (topic.value, since))
    return result.rowcount


def prune(connection: sqlite3.Connection, now: float) -> None:
    """Delete events that were retained long enough."""
    for topic in RETAINED_TOPICS:
        oldest = now - RETENTION.total_seconds()
        connection.execute("DELETE FROM consumed WHERE topic = ? AND consumed_at < ?", (topic.value, oldest))
