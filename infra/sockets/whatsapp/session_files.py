"""The state of a session: in clear in a directory of this process alone, sealed where it is kept."""

from __future__ import annotations

import gzip
import logging
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path

from infra.sockets.whatsapp import departures
from infra.sockets.whatsapp.departures import Departures, is_running
from infra.sockets.whatsapp.message_copies import MessageCopies, copies_in, delete_all_but_copies
from shared.channels.whatsapp_web.gateway import PROVIDER, Session
from shared.channels.whatsapp_web.message_secrets import part_id_of
from shared.errors import ConfigurationInvalid, Conflict, ProviderUnavailable, StoreError
from shared.ports.snapshots import Snapshot, Snapshots
from shared.security import sealed

logger = logging.getLogger(__name__)

DEBOUNCE_SECONDS = 2.0
_SETTLING_SECONDS, _LOOK_SECONDS = 5.0, 0.05
_MOST_AT_ONCE = 500
_PREFIX = "omnichannel-whatsapp-"
_STORE = "session.db"
_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of this process alone is made below it


class SessionFiles:
    """One session's state. Raises `ProviderUnavailable` while it cannot be had, or another process holds it."""

    def __init__(self, snapshots: Snapshots, session: Session) -> None:
        self._snapshots = snapshots
        self._session = session
        self._saving = threading.Lock()
        self._is_lost = False
        self._seen: tuple[object, ...] = ()
        self._changed_at: float | None = None
        self._leftovers = _leftovers(session.id)
        self.directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-{session.id}-", dir=_parent()))
        self.store = self.directory / _STORE
        self.copies = MessageCopies(self.directory)
        self.departures = Departures(self.directory)
        self._departed = departures.departed_from(self._leftovers)

    def restore(self) -> bool:
        """Whether there was anything to restore. From now on no former holder can save any more."""
        try:
            snapshot = self._snapshots.latest(self._session.id)
            if snapshot is None:
                return False
            if snapshot.epoch > self._session.epoch:
                raise Conflict(None)
            plain = sealed.unseal(self._session.key, self._name(snapshot.epoch), snapshot.content)
            self.store.touch(mode=0o600)
            self.store.write_bytes(gzip.decompress(plain))
            self._put(plain)
        except (StoreError, ConfigurationInvalid) as error:
            raise ProviderUnavailable(PROVIDER, f"the session's state could not be read: {error.detail}") from None
        self._seen = self._stamps()
        return True

    def save_if_changed(self) -> None:
        """Save what has rested for a while since it changed."""
        stamps, now = self._stamps(), time.monotonic()
        if stamps != self._seen:
            self._seen, self._changed_at = stamps, self._changed_at or now
        if self._changed_at is not None and now - self._changed_at >= DEBOUNCE_SECONDS:
            self._changed_at = None
            self.save(_SETTLING_SECONDS)

    def save(self, settling_seconds: float = 0.0) -> None:
        """Save the state as it is; what fails is logged, and tried again with the next change.

        A state that is past a message which is not published yet would lose it: WhatsApp sends it again, to another
        holder as well, and nothing could decrypt it. Such a state is saved once the message is published, if that takes
        no longer than `settling_seconds`.
        """
        self._save(lambda: self._settles(settling_seconds))

    def save_pairing(self) -> None:
        """Save the state at once, whatever has come meanwhile: without it the account would have to be paired anew."""
        self._save(lambda: True)

    def _save(self, may_be_saved: Callable[[], bool]) -> None:
        with self._saving:
            if self._is_lost or not self.store.exists():
                return
            try:
                content = gzip.compress(_copy(self.store), 6)
                if may_be_saved():
                    self._put(content)
                else:
                    self._changed_at = time.monotonic()
            except Conflict:
                self._is_lost = True
                logger.warning("a session is held by another process, and saved no more")
            except (StoreError, sqlite3.Error) as error:
                self._changed_at = time.monotonic()
                logger.warning("a session's state could not be saved: %s", type(error).__name__)

    def part_ids(self, message_ids: Sequence[str]) -> dict[str, str]:
        """Our own ids of messages that were sent from here, by those that WhatsApp knows them by."""
        try:
            return _part_ids_in(self.store, message_ids)
        except OSError as error:
            logger.info("the secrets of messages could not be read: %s", error)
            return {}

    def may_have_sent(self, part_id: str, claimed_at: datetime) -> bool:
        """Whether a part that was claimed for sending then may have left. What waits in this line may do so yet."""
        return departures.may_have_left(part_id, claimed_at, self._session.epoch, self._departed)

    def destroy(self) -> None:
        """Delete all snapshots; nothing is saved any more."""
        with self._saving:
            self._is_lost = True
            try:
                self._snapshots.delete(self._session.id)
            except StoreError as error:
                # Without its key, which is destroyed next, nobody can open it.
                logger.warning("a session's snapshots stay: %s", error.detail)

    def unpublished(self) -> list[Path]:
        """The messages that former lines of the session left, each a line of the worker's; whoever publishes one
        deletes it.
        """
        return [path for directory in self._leftovers for path in copies_in(directory)]

    def close(self) -> None:
        """Delete what is in clear, but for messages that are still to be published."""
        delete_all_but_copies(self.directory)
        for directory in self._leftovers:
            delete_all_but_copies(directory, departures.conclusion_in(directory))

    def _settles(self, seconds: float) -> bool:
        """Whether all messages that have come until now are published within that time."""
        end, unpublished = time.monotonic() + seconds, self.copies.unpublished()
        while unpublished and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)
            unpublished &= self.copies.unpublished()
        return not unpublished

    def _put(self, plain: bytes) -> None:
        epoch = self._session.epoch
        content = sealed.seal(self._session.key, self._name(epoch), plain)
        self._snapshots.put(self._session.id, Snapshot(epoch, content))

    def _name(self, epoch: int) -> str:
        return f"whatsapp/{self._session.id}/{epoch}"

    def _stamps(self) -> tuple[object, ...]:
        """What changes with the files: SQLite's own, and the one beside it."""
        stamps: list[object] = []
        for path in (self.store, self.store.with_name(f"{self.store.name}-wal")):
            try:
                status = path.stat()
                stamps += [status.st_mtime_ns, status.st_size]
            except FileNotFoundError:
                stamps.append(None)
        return tuple(stamps)


def _parent() -> str | None:
    """In memory where the system has that; else where temporary files lie."""
    return str(_MEMORY) if os.access(_MEMORY, os.W_OK) else None


def _copy(store: Path) -> bytes:
    """The database as one piece, also while its worker writes to it."""
    source, copy = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=5), sqlite3.connect(":memory:")
    try:
        source.backup(copy)
        return copy.serialize()
    finally:
        source.close()
        copy.close()


def _part_ids_in(store: Path, message_ids: Sequence[str]) -> dict[str, str]:
    """By what the library has written down of these messages before it sent them. Raises `OSError`."""
    part_ids: dict[str, str] = {}
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=5)) as database:
            for start in range(0, len(message_ids), _MOST_AT_ONCE):
                some = message_ids[start : start + _MOST_AT_ONCE]
                marks = ", ".join("?" * len(some))
                question = f"SELECT message_id, key FROM whatsmeow_message_secrets WHERE message_id IN ({marks})"  # noqa: S608
                for message_id, secret in database.execute(question, some):
                    if (part_id := part_id_of(secret)) is not None:
                        part_ids[message_id] = part_id
    except sqlite3.Error as error:
        raise OSError(str(error)) from None
    return part_ids


def delete_leftovers() -> None:
    """Delete what processes that were killed have left in clear, but for messages that are still to be published, and
    what is known of those that were being sent.
    """
    for directory in _directories():
        if not is_running(_pid_of(directory)):
            departures.conclude(directory, partial(_part_ids_in, directory / _STORE))
            delete_all_but_copies(directory, departures.conclusion_in(directory))


def _leftovers(session_id: str) -> list[Path]:
    """The directories of a session's former lines, of this process or of one that has ended."""
    return [
        directory
        for directory in _directories(f"-{session_id}-")
        if (pid := _pid_of(directory)) == os.getpid() or not is_running(pid)
    ]


def _directories(session: str = "-") -> list[Path]:
    return [
        directory
        for directory in sorted(Path(_parent() or tempfile.gettempdir()).glob(f"{_PREFIX}*"))
        if directory.name.removeprefix(_PREFIX).partition("-")[0].isdecimal() and session in directory.name
    ]


def _pid_of(directory: Path) -> int:
    return int(directory.name.removeprefix(_PREFIX).partition("-")[0])
