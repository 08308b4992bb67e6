"""A file of an older hub becomes one of today's; that of a newer one is left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from shared.adapters.embedded.engine.database import Database
from shared.adapters.embedded.engine.schema import STEPS, upgrade
from shared.errors import ConfigurationInvalid

NEWER = (*STEPS, ("CREATE TABLE later (id INTEGER)", "INSERT INTO later VALUES (1)"))


def _file(directory: Path) -> sqlite3.Connection:
    return sqlite3.connect(directory / "hub.db", isolation_level=None)


def test_a_new_file_has_had_all_steps(tmp_path: Path) -> None:
    Database(tmp_path).close()
    assert _file(tmp_path).execute("PRAGMA user_version").fetchone() == (len(STEPS),)


def test_a_file_from_before_versions_keeps_what_is_in_it(tmp_path: Path) -> None:
    with _file(tmp_path) as old:
        old.execute(STEPS[0][-1])
        old.execute("INSERT INTO secrets VALUES ('a', x'01')")
    Database(tmp_path).close()
    assert _file(tmp_path).execute("SELECT name FROM secrets").fetchall() == [("a",)]


def test_a_step_is_taken_once(tmp_path: Path) -> None:
    connection = _file(tmp_path)
    upgrade(connection)
    upgrade(connection, NEWER)
    upgrade(connection, NEWER)
    assert connection.execute("SELECT count(*) FROM later").fetchone() == (1,)


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    connection = _file(tmp_path)
    upgrade(connection)
    with pytest.raises(sqlite3.OperationalError):
        upgrade(connection, (*NEWER, ("CREATE TABLE later (id INTEGER)",)))
    assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
    assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'later'").fetchall()


def test_a_file_of_a_newer_hub_stops_the_start(tmp_path: Path) -> None:
    upgrade(_file(tmp_path), NEWER)
    with pytest.raises(ConfigurationInvalid, match=r"DATA_DIR.*newer"):
        Database(tmp_path)
