"""One SQLite file, written by one thread that commits in groups, read by as many threads as like.

Writers hand in work. Whoever commits takes all that waits, has work of the same
kind done in one go, and commits it together: one fsync, and few statements,
however many callers. In memory there is one connection and a lock, and no
thread.
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

from shared.adapters.embedded import file
from shared.errors import StoreError

logger = logging.getLogger(__name__)

T = TypeVar("T")
W = TypeVar("W")
Job = Callable[[sqlite3.Connection], T]
Doer = Callable[[sqlite3.Connection, Sequence[W]], Sequence[T | Exception]]
"""Does all work of a kind that waits, and tells in its order what came of each: a result, or the error that its caller
gets; work with an error has changed nothing. What it raises undoes the whole group.
"""

PATIENCE = 60.0
"""Seconds after which a caller no longer believes in its commit."""

MAX_GROUP = 256
"""Pieces of work in one transaction, so that the first caller does not wait for an endless queue."""


class _Pending(Generic[W, T]):
    """Work on its way: who does it, what came of it, and the lock its caller waits on."""

    __slots__ = ("do", "done", "outcome", "settled", "work")

    def __init__(self, do: Doer[W, T], work: W, settled: Callable[[T | Exception], None] | None) -> None:
        self.do = do
        self.work = work
        self.settled = settled
        self.outcome: T | Exception | None = None
        # A bare lock costs a tenth of concurrent.futures.Future, and this is made for every write.
        self.done = threading.Lock()
        self.done.acquire()

    def finish(self) -> None:
        """Tell whoever listens; runs after the commit, in the order of the commits."""
        if self.settled is not None:
            try:
                self.settled(self.outcome)  # type: ignore[arg-type]  # it is there
            except Exception:
                logger.exception("a listener failed after its commit")
        self.done.release()


class Database:
    """The file `hub.db` in a data directory (made with mode 0700, files 0600), or `:memory:`.

    Raises `ConfigurationInvalid` when the directory cannot be used.
    """

    def __init__(
        self, directory: Path | Literal[":memory:"], *, synchronous: Literal["FULL", "NORMAL"] = "FULL"
    ) -> None:
        self._synchronous = synchronous
        self._directory = None if directory == ":memory:" else Path(directory)
        self._path = ":memory:" if self._directory is None else str(file.prepared(self._directory))
        self._closed = False
        self._lock = threading.RLock()
        self._idle_readers: deque[sqlite3.Connection] = deque()
        self._queue: deque[_Pending[Any, Any]] = deque()
        self._committing = threading.Lock()
        self._left_over = threading.Event()
        self._consumer_lock: int | None = None
        self._writer = file.opened(self._directory, self._path, synchronous)
        self._thread: threading.Thread | None = None
        if self._directory is not None:
            self._thread = threading.Thread(target=self._write_forever, name="sqlite-writer", daemon=True)
            self._thread.start()

    def write(self, job: Job[T], committed: Callable[[T], None] | None = None) -> T:
        """Run `job` in a transaction and return its result once that is durable.

        `committed` is called with the result right after the commit; the calls
        of all writers come one at a time, in their order. Raises what the job
        raises, having undone what it did, and `StoreError` for what SQLite raises.
        """
        result: T = self.write_together(_one_by_one, job, committed)
        return result

    def write_together(self, do: Doer[W, T], work: W, committed: Callable[[T], None] | None = None) -> T:
        """As `write`, for work that is done together with all that waits for the same `do`."""
        pending = self._submit(do, work, partial(_unless_failed, committed) if committed else None)
        if self._thread is not None:
            self._commit_or_leave(pending)
        if not pending.done.acquire(timeout=PATIENCE):
            raise StoreError("the database did not commit in time")
        if isinstance(pending.outcome, sqlite3.Error):
            raise _refusal(pending.outcome) from pending.outcome
        if isinstance(pending.outcome, Exception):
            raise pending.outcome
        return pending.outcome  # type: ignore[return-value]  # work without error has its result

    def write_soon(self, job: Job[object]) -> None:
        """Run `job` in one of the next transactions; a failure is only logged."""
        self.write_together_soon(_one_by_one, _logging_failure(job))

    def write_together_soon(
        self, do: Doer[W, T], work: W, settled: Callable[[T | Exception], None] | None = None
    ) -> None:
        """As `write_together`, in one of the next transactions; `settled` is then called with what came of it."""
        self._submit(do, work, settled)
        self._left_over.set()

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        """Return the rows of a query over what is committed; raises `StoreError`."""
        if self._closed:
            raise StoreError("the database is closed")
        try:
            if self._thread is None:
                with self._lock:
                    return self._writer.execute(sql, parameters).fetchall()
            return self._read_apart(sql, parameters)
        except sqlite3.Error as error:
            raise StoreError(f"the database refused to read: {error}") from error

    def claim_consumer(self) -> None:
        """Make this the one consumer of the directory, until `release_consumer`.

        Raises `ConfigurationInvalid` while there is another, in any process.
        """
        if self._directory is not None:
            self._consumer_lock = file.claimed(self._directory)

    def release_consumer(self) -> None:
        """Let another consume; fine when this one does not."""
        lock, self._consumer_lock = self._consumer_lock, None
        if lock is not None:
            os.close(lock)

    def close(self) -> None:
        """Finish what was handed in, then let go of everything; a second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if self._thread is not None:
            self._left_over.set()
            self._thread.join(PATIENCE)
        # A caller may still be committing itself, and to close a connection under a statement ends the process.
        if self._committing.acquire(timeout=PATIENCE):
            with self._lock:
                self._writer.close()
            self._committing.release()
        self._close_idle_readers()
        self.release_consumer()

    def _submit(self, do: Doer[W, T], work: W, settled: Callable[[T | Exception], None] | None) -> _Pending[W, T]:
        pending = _Pending(do, work, settled)
        if self._thread is None:
            with self._lock:
                self._refuse_when_closed()
                self._commit([pending])
            return pending
        with self._lock:  # so that nothing is put behind what the closing thread finishes
            self._refuse_when_closed()
            self._queue.append(pending)
        return pending

    def _commit_or_leave(self, pending: _Pending[Any, Any]) -> None:
        """Commit what is queued unless somebody does already: no thread has to be woken for a lone writer.

        Whoever stops committing looks at the queue after letting go, and leaves
        what came meanwhile to the writer's thread, so nothing stays behind.
        """
        while pending.done.locked() and self._committing.acquire(blocking=False):
            try:
                self._commit_group()
            finally:
                self._committing.release()
        if self._queue:
            self._left_over.set()

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise StoreError("the database is closed")

    def _read_apart(self, sql: str, parameters: Sequence[object]) -> list[Any]:
        try:
            reader = self._idle_readers.pop()
        except IndexError:
            reader = file.connected(self._path, self._synchronous)
            reader.execute("PRAGMA query_only = ON")
        try:
            return reader.execute(sql, parameters).fetchall()
        finally:
            self._idle_readers.append(reader)
            if self._closed:
                self._close_idle_readers()

    def _close_idle_readers(self) -> None:
        """Close each that nobody has; who took one brings it back."""
        with suppress(IndexError):
            while True:
                self._idle_readers.pop().close()

    def _write_forever(self) -> None:
        while not (self._closed and not self._queue):
            self._left_over.wait()
            self._left_over.clear()
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
            _do_in_one_transaction(self._writer, group)
        except Exception as error:  # noqa: BLE001  whatever it is belongs to the callers, the writer goes on
            logger.error("a transaction failed: %s", error)
            _undo(self._writer, group, error)
        for pending in group:
            pending.finish()


def _unless_failed(committed: Callable[[T], None], outcome: T | Exception) -> None:
    if not isinstance(outcome, Exception):
        committed(outcome)


def _refusal(error: sqlite3.Error) -> StoreError:
    return StoreError(f"the database refused to write: {error}")


def _do_in_one_transaction(connection: sqlite3.Connection, group: Sequence[_Pending[Any, Any]]) -> None:
    kinds: dict[Doer[Any, Any], list[_Pending[Any, Any]]] = {}
    for pending in group:
        kinds.setdefault(pending.do, []).append(pending)
    connection.execute("BEGIN IMMEDIATE")
    for do, waiting in kinds.items():
        outcomes = do(connection, [pending.work for pending in waiting])
        for pending, outcome in zip(waiting, outcomes, strict=True):
            pending.outcome = outcome
    connection.execute("COMMIT")


def _one_by_one(connection: sqlite3.Connection, jobs: Sequence[Job[Any]]) -> list[Any]:
    """A savepoint for each, which is dear: SQLite then keeps the old state of every page."""
    return [_alone(connection, job) for job in jobs]


def _alone(connection: sqlite3.Connection, job: Job[Any]) -> Any:
    connection.execute("SAVEPOINT job")
    try:
        outcome = job(connection)
    except Exception as error:  # noqa: BLE001  whatever it is belongs to the caller, the group goes on
        outcome = error
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")
    return outcome


def _undo(connection: sqlite3.Connection, group: Iterable[_Pending[Any, Any]], error: Exception) -> None:
    """The transaction as a whole failed (a full disk, another process's lock): nobody's work was done.

    Nor was anybody's refused: what stood in its way may have been work of the same group.
    """
    if connection.in_transaction:  # after some errors SQLite has rolled back by itself
        with suppress(sqlite3.Error):  # then nothing can be begun either, and the next group ends here again
            connection.execute("ROLLBACK")
    for pending in group:
        pending.outcome = error


def _logging_failure(job: Job[object]) -> Job[None]:
    def run(connection: sqlite3.Connection) -> None:
        try:
            job(connection)
        except Exception:
            logger.exception("a write that nobody waits for failed")
            raise

    return run
