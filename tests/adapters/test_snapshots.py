"""The contract of sessions' snapshots, over a directory and over a server that plays Cloud Storage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from shared.adapters.embedded.snapshots import DirectorySnapshots
from shared.adapters.google.bucket import Bucket
from shared.adapters.google.snapshots import BucketSnapshots
from shared.errors import Conflict, StoreError
from shared.ports.snapshots import Snapshot, Snapshots
from tests.stubs import Received, Reply, Stub, stub_server


@pytest.fixture
def storage() -> Iterator[Stub]:
    """As much of Cloud Storage as is used: upload with a precondition, download, listing and deletion."""
    objects: dict[str, tuple[int, bytes]] = {}

    def upload(request: Received) -> Reply:
        query = parse_qs(urlsplit(request.path).query)
        name, expected = query["name"][0], int(query["ifGenerationMatch"][0])
        generation, _ = objects.get(name, (0, b""))
        if generation != expected:
            return Reply(412, json={"error": {"code": 412}})
        objects[name] = (generation + 1, request.body)
        return Reply(json={"name": name, "generation": str(generation + 1)})

    def names(request: Received) -> Reply:
        prefix = parse_qs(urlsplit(request.path).query)["prefix"][0]
        items = [{"name": name} for name in objects if name.startswith(prefix)]
        return Reply(json={"items": items} if items else {})

    def look_up(request: Received) -> Reply:
        name = unquote(urlsplit(request.path).path.rpartition("/")[2])
        if name not in objects:
            return Reply(404, json={"error": {"code": 404}})
        if request.method == "DELETE":
            del objects[name]
            return Reply(204)
        return Reply(content=objects[name][1])

    with stub_server() as stub:
        stub.on("POST", r"^/upload/storage/v1/b/sessions-1/o\?", upload)
        stub.on("GET", r"^/storage/v1/b/sessions-1/o\?", names)
        stub.on("GET", r"^/storage/v1/b/sessions-1/o/", look_up)
        stub.on("DELETE", r"^/storage/v1/b/sessions-1/o/", look_up)
        yield stub


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
