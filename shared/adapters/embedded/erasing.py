"""Taking away events that the bus keeps: those that wait, those that died, and those that could be replayed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from functools import partial

from shared.adapters.embedded.engine.database import Database
from shared.domain.events import EVENTS, Topic
from shared.ports.bus import Choice

_TABLES = ("events", "dead_letters", "consumed")
_BATCH = 500


def erase(database: Database, topic: Topic, choose: Choice) -> int:
    """Delete the chosen events of a topic; returns how many."""
    return sum(_erase_in(database, table, topic, choose) for table in _TABLES)


def _erase_in(database: Database, table: str, topic: Topic, choose: Choice) -> int:
    sql = f"SELECT id, event FROM {table} WHERE topic = ? AND id > ? ORDER BY id LIMIT {_BATCH}"  # noqa: S608  ours
    count = last_id = 0
    while rows := database.read(sql, (topic.value, last_id)):
        last_id = rows[-1][0]
        events = [(row_id, EVENTS[topic].model_validate_json(text)) for row_id, text in rows]
        chosen_ids = set(choose([event for _, event in events]))
        chosen_rows = [row_id for row_id, event in events if event.id in chosen_ids]
        if chosen_rows:
            database.write(partial(_delete, table=table, rows=chosen_rows))
        count += len(chosen_rows)
    return count


def _delete(connection: sqlite3.Connection, table: str, rows: Sequence[int]) -> None:
    connection.execute(f"DELETE FROM {table} WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(rows),))  # noqa: S608  ours
