"""One SQLite file: one writer at a time that commits in groups, and any number of readers.

Writers queue their work. Whoever commits takes the whole queue, runs work of
the same kind in one call, and commits it together: one fsync and few
statements, however many callers there are. In memory there is one connection
and a lock, and no thread.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from shared.adapters.embedded.engine import files, scrubbing
from shared.adapters.embedded.engine.files import Synchronous
from shared.errors import StoreError

logger = logging.getLogger(__name__)

T = TypeVar("T")
W = TypeVar("W")
Job = Callable[[sqlite3.Connection], T]
BatchJob = Callable[[sqlite3.Connection, Sequence[W]], Sequence[T | Exception]]
"""Runs all queued work of one kind and returns, in the same order, a result or the error for each caller; work with an
error has changed nothing. If it raises, the whole group is rolled back.
"""

COMMIT_TIMEOUT = 60.0
"""Seconds after which a caller gives up waiting for its commit."""

MAX_GROUP = 256
"""Most callers served by one transaction, so that the first one does not wait for an endless queue."""

SCRUBBED_WHOLE = 256 * 1024 * 1024
"""Bytes; writing so much anew takes a few seconds."""


class _Pending(Generic[W, T]):
    """Queued work: the job that runs it, its outcome, and the lock that its caller waits on."""

    __slots__ = ("done", "job", "outcome", "settled", "work")

    def __init__(self, job: BatchJob[W, T], work: W, settled: Callable[[T | Exception], None] | None) -> None:
        self.job = job
        self.work = work
        self.settled = settled
        self.outcome: T | Exception | None = None
        # A bare lock costs a tenth of concurrent.futures.Future, and every write needs one.
        self.done = threading.Lock()
        self.done.acquire()

    def finish(self) -> None:
        """Call the callback and release the caller; runs after the commit, in the order of the commits."""
        if self.settled is not None:
            try:
                self.settled(self.outcome)  # type: ignore[arg-type]  # set before every commit
            except Exception:
                logger.exception("a callback failed after its commit")
        self.done.release()


class Database:
    """The file `hub.db` in a data directory (made with mode 0700, files 0600), or `:memory:`.

    Raises `ConfigurationInvalid` when the directory cannot be used.
    """

    def __init__(self, directory: Path | Literal[":memory:"], *, synchronous: Synchronous = "FULL") -> None:
        self._synchronous = synchronous
        self._directory = None if directory == ":memory:" else Path(directory)
        self._path = ":memory:" if self._directory is None else str(files.prepare_file(self._directory))
        self._closed = False
        self._lock = threading.RLock()
        self._idle_readers: deque[sqlite3.Connection] = deque()
        self._queue: deque[_Pending[Any, Any]] = deque()
        self._committing = threading.Lock()
        self._work_left = threading.Event()
        self._consumer_lock: int | None = None
        self._writer = files.open_database(self._directory, self._path, synchronous)
        self._thread: threading.Thread | None = None
        if self._directory is not None:
            self._thread = threading.Thread(target=self._write_forever, name="sqlite-writer", daemon=True)
            self._thread.start()

    def write(self, job: Job[T], committed: Callable[[T], None] | None = None) -> T:
        """Run `job` in a transaction and return its result once that is durable.

        `committed` is called with the result right after the commit; these calls
        come one at a time, in the order of the commits. An error of the job is
        raised after its changes were rolled back; an error of SQLite as `StoreError`.
        """
        result: T = self.write_together(_one_by_one, job, committed)
        return result

    def write_together(self, job: BatchJob[W, T], work: W, committed: Callable[[T], None] | None = None) -> T:
        """As `write`, for work that `job` runs together with all other work queued for it."""
        pending = self._submit(job, work, partial(_call_on_success, committed) if committed else None)
        if self._thread is not None:
            self._commit_or_delegate(pending)
        if not pending.done.acquire(timeout=COMMIT_TIMEOUT):
            raise StoreError("the database did not commit in time")
        if isinstance(pending.outcome, sqlite3.Error):
            raise _store_error(pending.outcome) from pending.outcome
        if isinstance(pending.outcome, Exception):
            raise pending.outcome
        return pending.outcome  # type: ignore[return-value]  # no error: a result

    def write_soon(self, job: Job[object]) -> None:
        """Run `job` in one of the next transactions; a failure is only logged."""
        self.write_together_soon(_one_by_one, _logging_failure(job))

    def write_together_soon(
        self, job: BatchJob[W, T], work: W, settled: Callable[[T | Exception], None] | None = None
    ) -> None:
        """As `write_together`, in one of the next transactions; `settled` is then called with the result or error."""
        self._submit(job, work, settled)
        self._work_left.set()

    def write_until_done(self, step: Job[bool]) -> None:
        """Run `step` in one transaction after the other until it returns False: what others write comes in between."""
        while self.write(step):
            pass

    def scrub(self) -> None:
        """Write over what deleted rows have left in the file, and empty the write-ahead log.

        Nothing is written meanwhile. A file of up to `SCRUBBED_WHOLE` is written anew. Of a larger one, which would
        take too long, only the pages that are free are written over, and of the other pages what SQLite has not used
        again may stay until the next `VACUUM`.
        """
        if self._thread is None:
            return
        with self._committing:
            self._check_open()
            try:
                scrubbing.scrub(self._writer, whole=Path(self._path).stat().st_size <= SCRUBBED_WHOLE)
            except (sqlite3.Error, OSError) as error:
                raise StoreError(f"the database could not be scrubbed: {error}") from error

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        """Return the rows of a query over committed data; raises `StoreError`."""
        if self._closed:
            raise StoreError("the database is closed")
        try:
            if self._thread is None:
                with self._lock:
                    return self._writer.execute(sql, parameters).fetchall()
            return self._read_with_own_connection(sql, parameters)
        except sqlite3.Error as error:
            raise StoreError(f"the database refused to read: {error}") from error

    def claim_consumer(self) -> None:
        """Make this the one consumer of the directory, until `release_consumer`.

        Raises `ConfigurationInvalid` while there is another, in any process.
        """
        if self._directory is not None:
            self._consumer_lock = files.claim_directory(self._directory)

    def release_consumer(self) -> None:
        """Let another process consume; does nothing when this one does not."""
        lock, self._consumer_lock = self._consumer_lock, None
        if lock is not None:
            os.close(lock)

    def close(self) -> None:
        """Finish the queued work, then close all connections; a second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if self._thread is not None:
            self._work_left.set()
            self._thread.join(COMMIT_TIMEOUT)
        # A caller may still be committing, and closing a connection during a statement crashes the process.
        if self._committing.acquire(timeout=COMMIT_TIMEOUT):
            with self._lock:
                self._writer.close()
            self._committing.release()
        self._close_idle_readers()
        self.release_consumer()

    def _submit(self, job: BatchJob[W, T], work: W, settled: Callable[[T | Exception], None] | None) -> _Pending[W, T]:
        pending = _Pending(job, work, settled)
        if self._thread is None:
            with self._lock:
                self._check_open()
                self._commit([pending])
            return pending
        with self._lock:  # so that nothing is queued after the last commit before closing
            self._check_open()
            self._queue.append(pending)
        return pending

    def _commit_or_delegate(self, pending: _Pending[Any, Any]) -> None:
        """Commit the queue unless another thread does so already: a single writer need not wake a thread.

        Whoever stops committing looks at the queue once more after releasing the
        lock, and wakes the writer's thread for what was queued meanwhile.
        """
        while pending.done.locked() and self._committing.acquire(blocking=False):
            try:
                self._commit_group()
            finally:
                self._committing.release()
        if self._queue:
            self._work_left.set()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the database is closed")

    def _read_with_own_connection(self, sql: str, parameters: Sequence[object]) -> list[Any]:
        try:
            reader = self._idle_readers.pop()
        except IndexError:
            reader = files.connect(self._path, self._synchronous)
            reader.execute("PRAGMA query_only = ON")
        try:
            return reader.execute(sql, parameters).fetchall()
        finally:
            self._idle_readers.append(reader)
            if self._closed:
                self._close_idle_readers()

    def _close_idle_readers(self) -> None:
        """Close those that are not in use; the others are closed when their query ends."""
        with suppress(IndexError):
            while True:
                self._idle_readers.pop().close()

    def _write_forever(self) -> None:
        while not (self._closed and not self._queue):
            self._work_left.wait()
            self._work_left.clear()
            while self._queue:
                with self._committing:
                    self._commit_group()

    def _commit_group(self) -> None:
        group: list[_Pending[Any, Any]] = []
        while self._queue and len(group) < MAX_GROUP:
            group.append(self._queue.popleft())
        if group:
            self._commit(group)

    def _commit(self, group: list[_Pending[Any, Any]]) -> None:
        try:
            _run_in_one_transaction(self._writer, group)
        except Exception as error:  # noqa: BLE001  the callers get it, the writer goes on
            logger.error("a transaction failed: %s", error)
            _roll_back(self._writer, group, error)
        for pending in group:
            pending.finish()


def _call_on_success(committed: Callable[[T], None], outcome: T | Exception) -> None:
    if not isinstance(outcome, Exception):
        committed(outcome)


def _store_error(error: sqlite3.Error) -> StoreError:
    return StoreError(f"the database refused to write: {error}")


def _run_in_one_transaction(connection: sqlite3.Connection, group: Sequence[_Pending[Any, Any]]) -> None:
    by_job: dict[BatchJob[Any, Any], list[_Pending[Any, Any]]] = {}
    for pending in group:
        by_job.setdefault(pending.job, []).append(pending)
    connection.execute("BEGIN IMMEDIATE")
    for job, batch in by_job.items():
        outcomes = job(connection, [pending.work for pending in batch])
        for pending, outcome in zip(batch, outcomes, strict=True):
            pending.outcome = outcome
    connection.execute("COMMIT")


def _one_by_one(connection: sqlite3.Connection, jobs: Sequence[Job[Any]]) -> list[Any]:
    """A savepoint for each, which is expensive: SQLite then keeps the old state of every page."""
    return [_run_in_savepoint(connection, job) for job in jobs]


def _run_in_savepoint(connection: sqlite3.Connection, job: Job[Any]) -> Any:
    connection.execute("SAVEPOINT job")
    try:
        outcome = job(connection)
    except Exception as error:  # noqa: BLE001  it belongs to this caller alone
        outcome = error
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")
    return outcome


def _roll_back(connection: sqlite3.Connection, group: Iterable[_Pending[Any, Any]], error: Exception) -> None:
    """The transaction as a whole failed (a full disk, another process's lock): every caller gets `error`.

    That holds also for work that was refused: the reason may have been other work of the same group.
    """
    if connection.in_transaction:  # after some errors SQLite has rolled back by itself
        with suppress(sqlite3.Error):  # then BEGIN fails too, and the next group ends here again
            connection.execute("ROLLBACK")
    for pending in group:
        pending.outcome = error


def _logging_failure(job: Job[object]) -> Job[None]:
    def run(connection: sqlite3.Connection) -> None:
        try:
            job(connection)
        except Exception:
            logger.exception("a write without a waiting caller failed")
            raise

    return run
