"""What the database file is made of, and how a file of an older hub becomes one of today's.

Collections get their tables and indexes when they are first used; their
documents carry defaults for what they lack. What has to be changed in place is
a step here, and the file says how many of them it has had.
"""

from __future__ import annotations

import sqlite3

from shared.errors import ConfigurationInvalid

STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, "
        "key TEXT NOT NULL, event TEXT NOT NULL, attempts INTEGER NOT NULL, due REAL NOT NULL)",
        "CREATE TABLE IF NOT EXISTS dead_letters (id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, "
        "key TEXT NOT NULL, event TEXT NOT NULL, reason TEXT NOT NULL, died_at TEXT NOT NULL)",
        "CREATE INDEX IF NOT EXISTS dead_letters_by_topic ON dead_letters (topic, id)",
        "CREATE TABLE IF NOT EXISTS consumed (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, key TEXT NOT NULL, "
        "event TEXT NOT NULL, consumed_at REAL NOT NULL)",
        "CREATE INDEX IF NOT EXISTS consumed_by_time ON consumed (topic, consumed_at)",
        "CREATE TABLE IF NOT EXISTS secrets (name TEXT NOT NULL PRIMARY KEY, sealed BLOB NOT NULL)",
    ),
)
"""Add a step at the end; one that was released is never changed."""


def upgrade(connection: sqlite3.Connection, steps: tuple[tuple[str, ...], ...] = STEPS) -> None:
    """Take the steps that the file has not had, all or none; no other process may do so at the same time.

    Raises `ConfigurationInvalid` for a file that a newer hub has written.
    """
    had: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if had > len(steps):
        raise ConfigurationInvalid("DATA_DIR: a newer version of the hub has written there; start that version")
    if had == len(steps):
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for step in steps[had:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
