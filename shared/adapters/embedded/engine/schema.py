"""The tables of the database file, and the migrations of files that an older version has written.

Tables and indexes of collections are created on first use, and models have
defaults for fields that older documents lack. Every other change is a step
here; `user_version` in the file counts the steps that were applied.
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
    """Apply the steps that the file lacks, all or none; no other process may do so at the same time.

    Raises `ConfigurationInvalid` for a file that a newer hub has written.
    """
    applied: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if applied > len(steps):
        raise ConfigurationInvalid("DATA_DIR: a newer version of the hub has written there; start that version")
    if applied == len(steps):
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for step in steps[applied:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
