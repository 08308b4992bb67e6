"""The state of a WhatsApp session: in clear for its worker alone, sealed where it is kept, and of the last holder."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import closing
from pathlib import Path

import pytest

from infra.sockets.whatsapp.session_files import SessionFiles, delete_leftovers
from shared.adapters.embedded.snapshots import DirectorySnapshots
from shared.channels.whatsapp_web.gateway import Session
from shared.errors import ProviderUnavailable
from shared.ports.snapshots import Snapshot, Snapshots

KEY = bytes(32)


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return DirectorySnapshots(tmp_path / "sessions")


@pytest.fixture
def hold(snapshots: Snapshots) -> Iterator[Callable[..., SessionFiles]]:
    """Holds the session, as its holder of that number."""
    holders: list[SessionFiles] = []

    def files(epoch: int = 1, key: bytes = KEY) -> SessionFiles:
        holders.append(SessionFiles(snapshots, Session(id="5e55", key=key, epoch=epoch)))
        return holders[-1]

    yield files
    for each in holders:
        each.close()


def _write(files: SessionFiles, name: str) -> None:
    """What a worker does to its database."""
    with closing(sqlite3.connect(files.store)) as store, store:
        store.execute("CREATE TABLE IF NOT EXISTS device (name TEXT)")
        store.execute("INSERT INTO device VALUES (?)", (name,))


def _names(files: SessionFiles) -> list[str]:
    with closing(sqlite3.connect(files.store)) as store:
        return [name for (name,) in store.execute("SELECT name FROM device")]


def test_a_new_session_has_nothing_to_restore(hold: Callable[..., SessionFiles], snapshots: Snapshots) -> None:
    files = hold()
    assert files.restore() is False
    files.save()
    assert snapshots.latest("5e55") is None


def test_the_next_holder_has_what_was_saved(hold: Callable[..., SessionFiles]) -> None:
    first = hold(1)
    _write(first, "one")
    first.save()
    second = hold(2)
    assert second.restore() is True
    assert _names(second) == ["one"]
    assert second.store.stat().st_mode & 0o077 == 0


def test_a_former_holder_saves_no_more(hold: Callable[..., SessionFiles]) -> None:
    first = hold(1)
    _write(first, "one")
    first.save()
    second = hold(2)
    second.restore()
    _write(first, "late")
    first.save()
    third = hold(3)
    third.restore()
    assert _names(third) == ["one"]


def test_a_former_holder_cannot_begin_again(hold: Callable[..., SessionFiles]) -> None:
    later = hold(2)
    _write(later, "one")
    later.save()
    with pytest.raises(ProviderUnavailable, match="could not be read"):
        hold(1).restore()


def test_what_another_key_has_sealed_cannot_be_restored(hold: Callable[..., SessionFiles]) -> None:
    first = hold(1)
    _write(first, "one")
    first.save()
    with pytest.raises(ProviderUnavailable, match="could not be read"):
        hold(2, key=bytes([1]) * 32).restore()


def test_what_was_restored_is_unchanged_and_not_saved_again(
    hold: Callable[..., SessionFiles], snapshots: Snapshots
) -> None:
    first = hold(1)
    _write(first, "one")
    first.save()
    second = hold(2)
    second.restore()
    snapshots.put("5e55", Snapshot(2, b"as it was"))
    second.save_if_changed()
    latest = snapshots.latest("5e55")
    assert latest is not None
    assert latest.content == b"as it was"


@pytest.mark.parametrize("message_id", ["3EB0AA", "../../3EB0AA", "a" * 1000])
def test_a_state_that_is_past_a_message_is_saved_when_nothing_is_to_be_kept_of_it(
    hold: Callable[..., SessionFiles], snapshots: Snapshots, message_id: str
) -> None:
    files = hold()
    files.copies.expect(message_id)
    _write(files, "one")
    files.save()
    assert snapshots.latest("5e55") is None
    files.copies.settle(message_id)
    files.save()
    assert snapshots.latest("5e55") is not None


def test_a_state_that_is_past_a_message_is_saved_when_the_message_is_published(
    hold: Callable[..., SessionFiles], snapshots: Snapshots
) -> None:
    files = hold()
    copy = files.copies.keep("M1", b"a message\n")
    _write(files, "one")
    files.save()
    assert snapshots.latest("5e55") is None
    files.copies.forget(copy)
    files.save()
    assert snapshots.latest("5e55") is not None


def test_a_state_waits_for_a_message_that_is_copied_meanwhile_until_it_is_published(
    hold: Callable[..., SessionFiles], snapshots: Snapshots
) -> None:
    files = hold()
    files.copies.expect("M1")
    _write(files, "one")
    with ThreadPoolExecutor(1) as thread:
        saved = thread.submit(files.save, 60.0)
        copy = files.copies.keep("M1", b"a message\n")
        files.copies.settle("M1")
        with pytest.raises(FutureTimeout):
            saved.result(0.3)
        assert snapshots.latest("5e55") is None
        files.copies.forget(copy)
        saved.result(10)
    assert snapshots.latest("5e55") is not None


def test_the_state_of_a_pairing_is_saved_whatever_has_come_meanwhile(
    hold: Callable[..., SessionFiles], snapshots: Snapshots
) -> None:
    files = hold()
    files.copies.keep("M1", b"a message\n")
    _write(files, "one")
    files.save_pairing()
    assert snapshots.latest("5e55") is not None


def test_what_is_destroyed_is_gone_and_saved_no_more(hold: Callable[..., SessionFiles], snapshots: Snapshots) -> None:
    files = hold()
    _write(files, "one")
    files.save()
    files.destroy()
    files.save()
    assert snapshots.latest("5e55") is None


def test_nothing_is_left_in_clear(hold: Callable[..., SessionFiles]) -> None:
    files = hold()
    _write(files, "one")
    files.close()
    assert not files.directory.exists()


def test_what_killed_processes_left_is_deleted_and_nobody_elses(hold: Callable[..., SessionFiles]) -> None:
    files = hold()
    left = files.directory.with_name(files.directory.name.replace(f"-{os.getpid()}-", f"-{2**22 + 1}-"))
    left.mkdir()
    delete_leftovers()
    assert (left.exists(), files.directory.exists()) == (False, True)
