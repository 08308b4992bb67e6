"""What is kept for a while only: consumed events, so that they can be consumed again, and documents that expire."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shared.adapters.embedded.codec import encode_time
from shared.adapters.embedded.query import table_name
from shared.domain.events import Topic

RETAINED_TOPICS = frozenset({Topic.INBOUND})
"""Providers send an event only once; the events of the other topics follow from these."""

RETENTION = timedelta(days=7)

DEAD_LETTERS_KEPT = timedelta(days=31)
"""As long as Pub/Sub keeps them."""

EXPIRING = (
    "account_links",
    "agent_runs",
    "ai_usage",
    "event_log",
    "install_states",
    "login_failures",
    "messages",
    "rate_usage",
    "refresh_tokens",
    "tool_usage",
    "webhook_deliveries",
)
"""Collections whose documents may have an `expires_at`; Firestore deletes theirs by itself."""

_MOST_AT_ONCE = 1_000
_EXPIRY = "json_extract(data, '$.expires_at')"
_EXPIRES = "json_type(data, '$.expires_at') = 'text'"


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
    """Delete events that were retained long enough, and some of the documents that have expired."""
    for topic in RETAINED_TOPICS:
        oldest = now - RETENTION.total_seconds()
        connection.execute("DELETE FROM consumed WHERE topic = ? AND consumed_at < ?", (topic.value, oldest))
    # Letters die in the order of their ids, so the oldest are found without an index on time.
    died_before = (datetime.fromtimestamp(now, UTC) - DEAD_LETTERS_KEPT).isoformat()
    oldest_letters = f"SELECT id FROM dead_letters ORDER BY id LIMIT {_MOST_AT_ONCE}"  # noqa: S608  a number
    connection.execute(f"DELETE FROM dead_letters WHERE id IN ({oldest_letters}) AND died_at < ?", (died_before,))  # noqa: S608  the line above
    expired_before = encode_time(datetime.fromtimestamp(now, UTC))
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for collection in EXPIRING:
        table = table_name(collection)
        if table in tables:
            _delete_expired(connection, table, expired_before)


def _delete_expired(connection: sqlite3.Connection, table: str, expired_before: str) -> None:
    """With `INDEXED BY` it is an error, and no scan, where the index could not serve it."""
    index = f"{table}_expiry"
    connection.execute(f"CREATE INDEX IF NOT EXISTS {index} ON {table} ({_EXPIRY}) WHERE {_EXPIRES}")
    expired = f"SELECT id FROM {table} INDEXED BY {index} WHERE {_EXPIRES} AND {_EXPIRY} < ? LIMIT {_MOST_AT_ONCE}"  # noqa: S608  checked names
    connection.execute(f"DELETE FROM {table} WHERE id IN ({expired})", (expired_before,))  # noqa: S608  checked names
