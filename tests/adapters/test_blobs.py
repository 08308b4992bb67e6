"""The contract of the file cache, over files and over a server that plays Cloud Storage."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.adapters.embedded.blobs import FileBlobs
from shared.adapters.google.blobs import BucketBlobs, NoBlobs
from shared.adapters.google.bucket import Bucket
from shared.errors import StoreError
from shared.ports.blobs import Blob, Blobs
from tests.stubs import Received, Reply, Stub, stub_server

DAY = timedelta(days=1)
CAT = Blob(b"\0\xff\ncat\n", "image/png", "Katze \u00e4\n.png")


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def storage() -> Iterator[Stub]:
    """As much of Cloud Storage as is used: simple upload, and download."""
    objects: dict[str, bytes] = {}

    def upload(request: Received) -> Reply:
        query = parse_qs(urlsplit(request.path).query)
        assert query["uploadType"] == ["media"]
        objects[query["name"][0]] = request.body
        return Reply(json={"kind": "storage#object", "name": query["name"][0]})

    def download(request: Received) -> Reply:
        content = objects.get(urlsplit(request.path).path.rpartition("/")[2])
        return Reply(404, json={"error": {"code": 404}}) if content is None else Reply(content=content)

    with stub_server() as stub:
        stub.on("POST", r"^/upload/storage/v1/b/media-1/o\?", upload)
        stub.on("GET", r"^/storage/v1/b/media-1/o/[0-9a-f]{64}\?alt=media$", download)
        yield stub


Make: TypeAlias = Callable[[], Blobs]


@pytest.fixture(params=["files", "bucket"])
def make(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Make:
    """Opens the same cache, again and again."""
    if request.param == "files":
        return lambda: FileBlobs(tmp_path / "data" / "blobs", clock)
    storage: Stub = request.getfixturevalue("storage")
    return lambda: BucketBlobs(Bucket("media-1", storage.url), clock)


@pytest.fixture
def blobs(make: Make) -> Iterator[Blobs]:
    opened = make()
    yield opened
    opened.close()


def test_what_was_put_in_comes_out_the_same(blobs: Blobs) -> None:
    for blob in (CAT, Blob(b"", "text/plain"), Blob(os.urandom(300_000), "video/mp4", "")):
        blobs.put("key", blob, DAY)
        assert blobs.get("key") == blob


def test_what_was_never_there_is_none(blobs: Blobs) -> None:
    assert blobs.get("key") is None
    blobs.put("key", CAT, DAY)
    assert blobs.get("other") is None


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "a/b", "x" * 5000, "\0", "\ud83d", "ä ?&#"], ids=ascii)
def test_any_key_will_do(blobs: Blobs, key: str) -> None:
    blobs.put(key, CAT, DAY)
    assert blobs.get(key) == CAT


def test_a_file_outlives_the_process_and_not_its_time(make: Make, clock: Clock) -> None:
    first = make()
    first.put("key", CAT, DAY)
    first.close()
    again = make()
    clock.now += DAY - timedelta(seconds=1)
    assert again.get("key") == CAT
    clock.now += timedelta(seconds=1)
    assert again.get("key") is None
    again.put("key", CAT, DAY)
    assert again.get("key") == CAT
    again.close()


def test_many_at_once_read_whole_files_only(blobs: Blobs) -> None:
    expected = [Blob(bytes([number]) * 100_000, "audio/ogg") for number in range(4)]
    seen: list[Blob | None] = []

    def use(number: int) -> None:
        for _ in range(10):
            blobs.put("key", expected[number], DAY)
            seen.append(blobs.get("key"))

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 40
    assert all(blob in expected for blob in seen)


def test_many_at_once_keep_what_they_put(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path, lambda: datetime.now(UTC))

    def put(number: int) -> bool:
        blobs.put(str(number), CAT, DAY)
        return blobs.get(str(number)) == CAT

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(put, range(200)))


def test_what_a_process_left_half_written_goes_after_some_hours(tmp_path: Path, clock: Clock) -> None:
    code = (
        "import datetime, pathlib, resource, signal, sys; from shared.adapters.embedded.blobs import Blob, FileBlobs\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "blobs = FileBlobs(pathlib.Path(sys.argv[1]), lambda: datetime.datetime.now(datetime.UTC))\n"
        "blobs.put('half', Blob(bytes(2000), 'text/plain'), datetime.timedelta(days=1))"
    )
    died = subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=60)
    assert died.returncode == -signal.SIGXFSZ
    [half_written] = tmp_path.iterdir()
    clock.now = datetime.now(UTC)
    blobs = FileBlobs(tmp_path, clock)
    blobs.put("cat", CAT, DAY)
    assert half_written.exists(), "another process may be writing it"
    clock.now += timedelta(hours=3)
    blobs.put("cat", CAT, DAY)
    assert not half_written.exists()
    assert blobs.get("cat") == CAT


def test_files_are_the_owners_alone_and_old_ones_go(tmp_path: Path, clock: Clock) -> None:
    blobs = FileBlobs(tmp_path / "blobs", clock)
    for number in range(3):
        blobs.put(str(number), CAT, DAY)
    assert (tmp_path / "blobs").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "blobs").iterdir()} == {0o600}
    clock.now += DAY
    blobs.put("new", CAT, DAY)
    assert len(list((tmp_path / "blobs").iterdir())) == 1


def test_an_old_file_that_another_process_throws_away_first_is_no_error(tmp_path: Path, clock: Clock) -> None:
    FileBlobs(tmp_path, clock).put("old", CAT, DAY)
    [old_file] = tmp_path.iterdir()
    clock.now += 2 * DAY

    def now() -> datetime:
        """Asked for after the files were looked through, before the old ones are thrown away."""
        if len(list(tmp_path.iterdir())) == 2:
            old_file.unlink()
        return clock.now

    FileBlobs(tmp_path, now).put("new", CAT, DAY)
    assert FileBlobs(tmp_path, clock).get("new") == CAT


def test_there_is_an_end_to_the_space_that_files_take(tmp_path: Path, clock: Clock) -> None:
    blobs = FileBlobs(tmp_path / "blobs", clock, max_total=25_000)
    for number in range(5):
        clock.now += timedelta(seconds=1)
        blobs.put(str(number), Blob(b"x" * 10_000, "text/plain"), DAY)
    assert [number for number in range(5) if blobs.get(str(number))] == [3, 4]


def test_a_disk_that_fails_is_a_store_error(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "blobs").write_text("a file where the directory should be")
    blobs = FileBlobs(tmp_path / "blobs", clock)
    with pytest.raises(StoreError):
        blobs.put("key", CAT, DAY)
    with pytest.raises(StoreError):
        blobs.get("key")


def test_a_file_that_cannot_get_its_name_leaves_nothing_behind(tmp_path: Path, clock: Clock) -> None:
    blobs = FileBlobs(tmp_path, clock)
    blobs.put("key", CAT, DAY)
    [path] = tmp_path.iterdir()
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError):
        blobs.put("key", CAT, DAY)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("answer", [Reply(500), Reply(403), Reply(drop=True)], ids=["500", "403", "no answer"])
def test_a_bucket_that_fails_is_a_store_error(storage: Stub, clock: Clock, answer: Reply) -> None:
    storage.on("GET", "/", answer)
    storage.on("POST", "/", answer)
    blobs = BucketBlobs(Bucket("media-1", storage.url), clock)
    with pytest.raises(StoreError):
        blobs.put("key", CAT, DAY)
    with pytest.raises(StoreError):
        blobs.get("key")
    blobs.close()


def test_a_bucket_sees_neither_keys_nor_names_in_its_addresses(storage: Stub, clock: Clock) -> None:
    blobs = BucketBlobs(Bucket("media-1", storage.url), clock)
    blobs.put("message-7-0", CAT, DAY)
    assert not any(re.search("message-7|Katze", request.path) for request in storage.requests)
    [upload] = storage.requests
    assert upload.headers["content-type"] == "application/octet-stream"
    blobs.close()


def test_without_a_bucket_nothing_is_kept() -> None:
    blobs = NoBlobs()
    blobs.put("key", CAT, DAY)
    assert blobs.get("key") is None
    blobs.close()
