"""The SQLite file: groups of jobs, callbacks in order, one consumer, safe modes."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

import pytest

from shared.adapters.embedded.engine.database import Database
from shared.errors import ConfigurationInvalid, StoreError


@pytest.fixture(params=["file", "memory"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "data") if request.param == "file" else Database(":memory:")
    opened.write(lambda connection: connection.execute("CREATE TABLE t (n INTEGER UNIQUE)"))
    yield opened
    opened.close()


def insert(database: Database, number: int) -> None:
    database.write(partial(add, number=number))


def add(connection: sqlite3.Connection, number: int) -> None:
    connection.execute("INSERT INTO t VALUES (?)", (number,))


def numbers(database: Database) -> list[int]:
    return [number for (number,) in database.read("SELECT n FROM t ORDER BY n")]


def hold_writer(database: Database) -> threading.Event:
    """Keep the writer at work until the event is set, so that jobs gather into one group."""
    started, release = threading.Event(), threading.Event()

    def job(_: sqlite3.Connection) -> None:
        started.set()
        release.wait(30)

    database.write_soon(job)
    assert started.wait(30)
    return release


def test_write_returns_what_the_job_returns(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    assert database.write(lambda connection: connection.execute("SELECT 40 + 2").fetchone()[0]) == 42
    assert caplog.messages == []


def test_job_that_raises_undoes_its_writes_and_its_caller_gets_the_error(database: Database) -> None:
    def job(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (1)")
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        database.write(job)
    insert(database, 2)

    assert numbers(database) == [2]


def test_error_of_sqlite_is_a_store_error(database: Database) -> None:
    insert(database, 1)

    with pytest.raises(StoreError):
        insert(database, 1)
    with pytest.raises(StoreError):
        database.read("SELECT nonsense")

    assert numbers(database) == [1]


def test_failing_job_of_a_group_undoes_only_itself(tmp_path: Path) -> None:
    database = Database(tmp_path)
    database.write(lambda connection: connection.execute("CREATE TABLE t (n INTEGER UNIQUE)"))

    def attempt(number: int) -> bool:
        def job(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO t VALUES (?)", (number,))
            if number % 3 == 0:
                raise LookupError

        try:
            database.write(job)
        except LookupError:
            return False
        return True

    release = hold_writer(database)
    with ThreadPoolExecutor(12) as threads:
        outcomes = threads.map(attempt, range(12))
        release.set()
        assert list(outcomes) == [number % 3 != 0 for number in range(12)]

    assert numbers(database) == [number for number in range(12) if number % 3]
    database.close()


def test_full_disk_fails_the_write_keeps_what_was_there_and_passes(database: Database) -> None:
    insert(database, 1)

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 3")
        connection.execute("CREATE TABLE big AS SELECT zeroblob(100000)")

    with pytest.raises(StoreError):
        database.write(fill)
    database.write(lambda connection: connection.execute("PRAGMA max_page_count = 1000000"))
    insert(database, 2)

    assert numbers(database) == [1, 2]


def test_callbacks_come_after_the_commit_in_the_order_of_the_jobs(database: Database) -> None:
    jobs: list[int] = []
    callbacks: list[int] = []
    unseen: list[int] = []

    def committed(number: int) -> None:
        callbacks.append(number)
        if number not in numbers(database):
            unseen.append(number)

    def job(connection: sqlite3.Connection, number: int) -> int:
        jobs.append(number)
        connection.execute("INSERT INTO t VALUES (?)", (number,))
        return number

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: database.write(lambda connection: job(connection, n), committed), range(80)))

    assert callbacks == jobs
    assert unseen == []


def test_failing_callback_does_not_fail_the_write(database: Database) -> None:
    def committed(_: object) -> None:
        raise LookupError

    database.write(lambda connection: connection.execute("INSERT INTO t VALUES (1)"), committed)
    insert(database, 2)

    assert numbers(database) == [1, 2]


def test_close_finishes_what_nobody_waits_for(tmp_path: Path) -> None:
    database = Database(tmp_path)
    database.write(lambda connection: connection.execute("CREATE TABLE t (n INTEGER)"))
    for number in range(50):
        database.write_soon(partial(add, number=number))
    database.close()

    reopened = Database(tmp_path)
    assert numbers(reopened) == list(range(50))
    reopened.close()


def test_failure_that_nobody_waits_for_does_not_stop_the_writer(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.write_soon(lambda connection: connection.execute("INSERT INTO nonsense VALUES (1)"))
    insert(database, 1)

    assert numbers(database) == [1]
    assert "no such table: nonsense" in caplog.text


def test_closed_database_refuses_with_a_store_error(database: Database) -> None:
    database.close()
    database.close()

    with pytest.raises(StoreError):
        insert(database, 1)
    with pytest.raises(StoreError):
        numbers(database)


def test_directory_and_files_are_only_the_owners(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "data"
    database = Database(directory)
    database.write(lambda connection: connection.execute("CREATE TABLE t (n INTEGER)"))
    database.claim_consumer()

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    database.close()

    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert set(modes) == {"hub.db", "hub.db-wal", "hub.db-shm", "hub.lock"}
    assert set(modes.values()) == {0o600}


def test_directory_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationInvalid, match="DATA_DIR"):
        Database(tmp_path / "file" / "data")


def test_directory_in_place_of_the_file_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "hub.db").mkdir()

    with pytest.raises(ConfigurationInvalid, match=r"DATA_DIR .* hub\.db in it is not a file"):
        Database(tmp_path)


def test_file_that_is_no_database_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_text("this is certainly not a database\n" * 100)

    with pytest.raises(ConfigurationInvalid, match="DATA_DIR"):
        Database(tmp_path)


def test_only_one_consumer_at_a_time(tmp_path: Path) -> None:
    first, second = Database(tmp_path), Database(tmp_path)
    first.claim_consumer()
    with pytest.raises(ConfigurationInvalid, match=r"DATA_DIR .* is in use by another process"):
        second.claim_consumer()

    first.release_consumer()
    second.claim_consumer()
    first.close()
    second.close()


def test_consumer_in_another_process_is_noticed_and_its_death_too(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from shared.adapters.embedded.engine.database import Database\n"
        "database = Database(pathlib.Path(sys.argv[1])); database.claim_consumer(); print('claimed', flush=True)\n"
        "sys.stdin.read()"
    )
    database = Database(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "claimed\n"
        with pytest.raises(ConfigurationInvalid):
            database.claim_consumer()
        other.kill()

    database.claim_consumer()
    database.close()


def test_lock_is_not_inherited_by_programs_started_meanwhile(tmp_path: Path) -> None:
    database = Database(tmp_path)
    database.claim_consumer()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False) as other:
        database.close()
        handle = os.open(tmp_path / "hub.lock", os.O_RDWR)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(handle)
        other.kill()


def test_three_processes_that_read_and_then_write_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from shared.adapters.embedded.engine.database import Database\n"
        "database = Database(pathlib.Path(sys.argv[1]))\n"
        "def raise_by_one(connection):\n"
        "    (number,) = connection.execute('SELECT max(n) FROM t').fetchone()\n"
        "    connection.execute('INSERT INTO t VALUES (?)', (number + 1,))\n"
        "[database.write(raise_by_one) for _ in range(25)]"
    )
    database = Database(tmp_path)
    database.write(lambda connection: connection.execute("CREATE TABLE t (n INTEGER UNIQUE)"))
    insert(database, 0)
    others = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]

    assert [other.wait(60) for other in others] == [0, 0, 0]
    assert numbers(database) == list(range(76))
    database.close()


def test_processes_that_start_together_make_one_database(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from shared.adapters.embedded.engine.database import Database\n"
        "from shared.adapters.embedded.bus import SqliteBus; input()\n"
        "SqliteBus(Database(pathlib.Path(sys.argv[1]) / 'data')).close()"
    )
    others = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE) for _ in range(4)]
    for other in others:
        other.communicate(b"\n", timeout=60)

    assert [other.returncode for other in others] == [0, 0, 0, 0]


def test_work_of_a_kind_is_done_at_once_and_each_caller_gets_its_own_outcome(tmp_path: Path) -> None:
    database = Database(tmp_path)
    at_once: list[int] = []
    settled: list[object] = []

    def do(_: sqlite3.Connection, works: Sequence[int]) -> list[int | Exception]:
        at_once.append(len(works))
        return [work * 2 if work % 3 else LookupError(work) for work in works]

    release = hold_writer(database)
    for number in range(6):
        database.write_together_soon(do, number, settled.append)
    release.set()

    assert database.write_together(do, 10) == 20
    with pytest.raises(LookupError):
        database.write_together(do, 12)
    assert [str(outcome) for outcome in settled] == ["0", "2", "4", "3", "8", "10"]
    assert max(at_once) >= 6
    database.close()


def test_what_the_doer_raises_undoes_the_group_and_all_callers_get_it(tmp_path: Path) -> None:
    database = Database(tmp_path)
    database.write(lambda connection: connection.execute("CREATE TABLE t (n INTEGER UNIQUE)"))

    def do(connection: sqlite3.Connection, works: Sequence[int]) -> list[None]:
        connection.execute("INSERT INTO t VALUES (1)")
        raise LookupError

    settled: list[object] = []
    database.write_together_soon(do, 1, settled.append)
    with pytest.raises(LookupError):
        database.write_together(do, 2)
    insert(database, 3)

    assert [type(outcome) for outcome in settled] == [LookupError]
    assert numbers(database) == [3]
    database.close()


def test_what_is_refused_because_of_work_that_is_undone_is_not_refused_after_all(tmp_path: Path) -> None:
    database = Database(tmp_path)
    database.write(lambda connection: connection.execute("CREATE TABLE t (n INTEGER UNIQUE)"))

    def do(connection: sqlite3.Connection, works: Sequence[int]) -> list[int | Exception]:
        connection.execute("INSERT INTO t VALUES (1)")
        return [1, *(LookupError("it is there") for _ in works[1:])]

    def fail(connection: sqlite3.Connection, works: Sequence[int]) -> list[int | Exception]:
        raise OSError("the disk is full")

    settled: list[object] = []
    is_over = threading.Event()
    release = hold_writer(database)
    database.write_together_soon(do, 1, settled.append)
    database.write_together_soon(do, 2, settled.append)
    database.write_together_soon(fail, 3, lambda _: is_over.set())
    release.set()
    assert is_over.wait(30)

    assert [type(outcome) for outcome in settled] == [OSError, OSError]
    assert numbers(database) == []
    database.close()


def test_close_waits_for_a_caller_that_commits_itself(tmp_path: Path) -> None:
    database = Database(tmp_path)
    database.write(lambda connection: connection.execute("CREATE TABLE t (n INTEGER UNIQUE)"))
    started, release = threading.Event(), threading.Event()

    def job(connection: sqlite3.Connection) -> str:
        started.set()
        release.wait(30)
        connection.execute("INSERT INTO t VALUES (1)")
        return "done"

    with ThreadPoolExecutor(2) as threads:
        outcome = threads.submit(database.write, job)
        assert started.wait(30)
        closing = threads.submit(database.close)
        wait([closing], timeout=0.2)
        release.set()
        assert outcome.result() == "done"
        closing.result()

    reopened = Database(tmp_path)
    assert numbers(reopened) == [1]
    reopened.close()
