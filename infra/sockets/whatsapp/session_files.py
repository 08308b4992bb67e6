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
from pathlib import Path

from infra.sockets.whatsapp.message_copies import MessageCopies, copies_in, delete_all_but_copies
from shared.channels.whatsapp_web.gateway import PROVIDER, Session
from shared.channels.whatsapp_web.message_secrets import part_id_of
from shared.errors import ConfigurationInvalid, Conflict, ProviderUnavailable, StoreError
from shared.ports.snapshots import Snapshot, Snapshots
from shared.security import sealed

logger = logging.getLogger(__name__)

DEBOUNCE_SECONDS = 2.0
_SETTLING_SECONDS, _LOOK_SECONDS = 5.0, 0.05
_PREFIX = "omnichannel-whatsapp-"
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
        self.store = self.directory / "session.db"
        self.copies = MessageCopies(self.directory)

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
        secrets = _secrets_in(self.store, message_ids)
        part_ids = {message_id: part_id_of(secret) for message_id, secret in secrets.items()}
        return {message_id: part_id for message_id, part_id in part_ids.items() if part_id is not None}

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
        for directory in [self.directory, *self._leftovers]:
            delete_all_but_copies(directory)

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


def _secrets_in(store: Path, message_ids: Sequence[str]) -> dict[str, bytes]:
    """What the library has written down of these messages before it sent them; nothing where it cannot be read."""
    marks = ", ".join("?" * len(message_ids))
    question = f"SELECT message_id, key FROM whatsmeow_message_secrets WHERE message_id IN ({marks})"  # noqa: S608
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=5)) as database:
            return dict(database.execute(question, list(message_ids)))
    except sqlite3.Error as error:
        logger.info("the secrets of messages could not be read: %s", error)
        return {}


def delete_leftovers() -> None:
    """Delete what processes that were killed have left in clear, but for messages that are still to be published."""
    for directory in _directories():
        if not _runs(_pid_of(directory)):
            delete_all_but_copies(directory)


def _leftovers(session_id: str) -> list[Path]:
    """The directories of a session's former lines, of this process or of one that has ended."""
    return [
        directory
        for directory in _directories(f"-{session_id}-")
        if (pid := _pid_of(directory)) == os.getpid() or not _runs(pid)
    ]


def _directories(session: str = "-") -> list[Path]:
    return [
        directory
        for directory in sorted(Path(_parent() or tempfile.gettempdir()).glob(f"{_PREFIX}*"))
        if directory.name.removeprefix(_PREFIX).partition("-")[0].isdecimal() and session in directory.name
    ]


def _pid_of(directory: Path) -> int:
    return int(directory.name.removeprefix(_PREFIX).partition("-")[0])


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
