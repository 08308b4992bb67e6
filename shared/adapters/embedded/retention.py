"""Events that were consumed and are kept for a while, so that they can be consumed again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import timedelta

from shared.domain.events import Topic

KEPT = frozenset({Topic.INBOUND})
"""What providers sent is worth keeping: it cannot be asked for again. The other topics' events follow from it."""

KEPT_FOR = timedelta(days=7)


def acknowledge(connection: sqlite3.Connection, rows: Sequence[int], now: float) -> None:
    """Take events off their topics; those of a kept topic are set aside."""
    topics, ids = json.dumps(sorted(topic.value for topic in KEPT)), json.dumps(rows)
    connection.execute(
        "INSERT OR REPLACE INTO consumed (id, topic, key, event, consumed_at) "
        "SELECT id, topic, key, event, ? FROM events "
        "WHERE id IN (SELECT value FROM json_each(?)) AND topic IN (SELECT value FROM json_each(?))",
        (now, ids, topics),
    )
    connection.execute("DELETE FROM events WHERE id IN (SELECT value FROM json_each(?))", (ids,))


def replay(connection: sqlite3.Connection, topic: Topic, since: float) -> int:
    """Put what was consumed since then back on its topic, in its order; returns how many."""
    result = connection.execute(
        "INSERT INTO events (topic, key, event, attempts, due) "
        "SELECT topic, key, event, 0, 0 FROM consumed WHERE topic = ? AND consumed_at >= ? ORDER BY id",
        (topic.value, since),
    )
    connection.execute("DELETE FROM consumed WHERE topic = ? AND consumed_at >= ?", (topic.value, since))
    return result.rowcount


def prune(connection: sqlite3.Connection, now: float) -> None:
    """Let go of what has been kept long enough."""
    for topic in KEPT:
        oldest = now - KEPT_FOR.total_seconds()
        connection.execute("DELETE FROM consumed WHERE topic = ? AND consumed_at < ?", (topic.value, oldest))
