"""What deleted rows leave in a database file, and that nothing is left of it."""

from __future__ import annotations

import random
import sqlite3
import string
from contextlib import closing
from pathlib import Path

import pytest

from shared.adapters.embedded.engine import scrubbing
from shared.adapters.embedded.engine.database import Database

WORD = b"zebrafinch"


def _hits(directory: Path) -> int:
    return sum(path.read_bytes().count(WORD) for path in directory.iterdir())


def _write_and_delete(database: Database) -> None:
    """Many rows of all lengths, of which some have the word; then these are deleted."""
    chance = random.Random(1)

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE birds (id INTEGER PRIMARY KEY, song TEXT)")
        for number in range(2000):
            song = "".join(chance.choices(string.ascii_lowercase, k=chance.choice((40, 400, 9000))))
            text = f"{WORD.decode()} {song}" if number % 7 == 0 else song
            connection.execute("INSERT INTO birds VALUES (?, ?)", (number, text))

    database.write(write)
    database.write(lambda connection: connection.execute("DELETE FROM birds WHERE id % 7 = 0"))


def test_nothing_is_left_of_deleted_rows_in_a_file_that_was_scrubbed(tmp_path: Path) -> None:
    database = Database(tmp_path)
    _write_and_delete(database)
    assert _hits(tmp_path) > 100
    database.scrub()
    assert _hits(tmp_path) == 0
    assert database.read("SELECT count(*) FROM birds") == [(1714,)]
    database.write(lambda connection: connection.execute("INSERT INTO birds VALUES (0, 'la')"))
    database.close()


def test_of_a_large_file_the_free_pages_are_written_over(tmp_path: Path) -> None:
    database = Database(tmp_path)
    _write_and_delete(database)
    with closing(sqlite3.connect(tmp_path / "hub.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = FAST")
        scrubbing.scrub(connection, whole=False)
    database.close()
    assert _hits(tmp_path) == 0


def test_a_log_that_is_being_read_is_not_taken_for_emptied(tmp_path: Path) -> None:
    database = Database(tmp_path)
    _write_and_delete(database)
    path = tmp_path / "hub.db"
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as reader,
        closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection,
    ):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM birds").fetchone()
        database.write(lambda writer: writer.execute("DELETE FROM birds WHERE id % 5 = 0"))
        with pytest.raises(sqlite3.OperationalError, match="is being read"):
            scrubbing.scrub(connection, whole=False)
    database.close()
