"""The contract of sessions' snapshots, over a directory and over a server that plays Cloud Storage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from shared.adapters.embedded.snapshots import DirectorySnapshots
from shared.adapters.google.bucket import Bucket
from shared.adapters.google.snapshots import BucketSnapshots
from shared.errors import Conflict, StoreError
from shared.ports.snapshots import Snapshot, Snapshots
from tests.adapters.cloud_storage import cloud_storage
from tests.stubs import Reply, Stub


@pytest.fixture
def storage() -> Iterator[Stub]:
    with cloud_storage() as storage:
        yield storage


Make: TypeAlias = Callable[[], Snapshots]


@pytest.fixture(params=["directory", "bucket"])
def make(request: pytest.FixtureRequest, tmp_path: Path, storage: Stub) -> Make:
    """Makes the snapshots of another process."""
    if request.param == "directory":
        return lambda: DirectorySnapshots(tmp_path / "sessions")
    return lambda: BucketSnapshots(Bucket("sessions-1", storage.url))


def test_the_last_snapshot_of_the_last_holder_counts(make: Make) -> None:
    first, second = make(), make()
    assert first.latest("ab") is None
    first.put("ab", Snapshot(1, b"one"))
    first.put("ab", Snapshot(1, b"two"))
    assert second.latest("ab") == Snapshot(1, b"two")
    second.put("ab", Snapshot(2, b"three"))
    second.put("ab", Snapshot(10, b"four"))
    assert first.latest("ab") == Snapshot(10, b"four")
    assert first.latest("cd") is None


def test_a_former_holder_can_save_no_more(make: Make) -> None:
    former, holder = make(), make()
    former.put("ab", Snapshot(1, b"old"))
    holder.put("ab", Snapshot(2, b"new"))
    with pytest.raises(Conflict):
        former.put("ab", Snapshot(1, b"older still"))
    assert holder.latest("ab") == Snapshot(2, b"new")


def test_what_is_deleted_is_gone_and_deleting_twice_is_fine(make: Make) -> None:
    snapshots = make()
    snapshots.put("ab", Snapshot(1, b"one"))
    for _ in range(2):
        snapshots.delete("ab")
    assert snapshots.latest("ab") is None


def test_only_the_owner_of_the_process_may_read_a_snapshot(tmp_path: Path) -> None:
    DirectorySnapshots(tmp_path / "sessions").put("ab", Snapshot(1, b"one"))
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "sessions").rglob("*")}
    assert modes == {0o700, 0o600}


def test_a_disk_and_a_bucket_that_fail_are_told_of(tmp_path: Path, storage: Stub) -> None:
    (tmp_path / "sessions").write_text("no directory")
    storage.on("GET", r"^/storage/", Reply(503))
    for snapshots in (DirectorySnapshots(tmp_path / "sessions"), BucketSnapshots(Bucket("sessions-1", storage.url))):
        with pytest.raises(StoreError):
            snapshots.latest("ab")
        with pytest.raises(StoreError):
            snapshots.put("ab", Snapshot(1, b"one"))
