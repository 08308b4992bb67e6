"""The contract of kept files, over a directory and over a server that plays Cloud Storage."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from shared.adapters.embedded.files import DirectoryFiles
from shared.adapters.google.bucket import Bucket
from shared.adapters.google.files import BucketFiles
from shared.errors import PayloadTooLarge, ProviderError, StoreError
from shared.ports.files import FileContent, Files
from tests.stubs import Received, Reply, Stub, stub_server

CAT = b"\0\xff\ncat\n"
CAT_NAME = hashlib.sha256(CAT).hexdigest()


@pytest.fixture
def storage() -> Iterator[Stub]:
    """As much of Cloud Storage as is used: simple upload, download, metadata and deletion."""
    objects: dict[str, bytes] = {}

    def upload(request: Received) -> Reply:
        query = parse_qs(urlsplit(request.path).query)
        name = query["name"][0]
        if query.get("ifGenerationMatch") == ["0"] and name in objects:
            return Reply(412, json={"error": {"code": 412}})
        objects[name] = request.body
        return Reply(json={"kind": "storage#object", "name": name})

    def look_up(request: Received) -> Reply:
        url = urlsplit(request.path)
        name = unquote(url.path.rpartition("/")[2])
        if name not in objects:
            return Reply(404, json={"error": {"code": 404}})
        if request.method == "DELETE":
            del objects[name]
            return Reply(204)
        content = objects[name]
        return Reply(content=content) if url.query == "alt=media" else Reply(json={"size": str(len(content))})

    with stub_server() as stub:
        stub.on("POST", r"^/upload/storage/v1/b/files-1/o\?", upload)
        stub.on("GET", r"^/storage/v1/b/files-1/o/", look_up)
        stub.on("DELETE", r"^/storage/v1/b/files-1/o/", look_up)
        yield stub


Make: TypeAlias = Callable[[], Files]


@pytest.fixture(params=["directory", "bucket"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Opens the same files, again and again."""
    if request.param == "directory":
        return lambda: DirectoryFiles(tmp_path / "data" / "files")
    storage: Stub = request.getfixturevalue("storage")
    return lambda: BucketFiles(Bucket("files-1", storage.url))


@pytest.fixture
def files(make: Make) -> Iterator[Files]:
    opened = make()
    yield opened
    opened.close()


def _read(files: Files, tenant_id: str, sha256: str) -> bytes | None:
    file = files.open(tenant_id, sha256)
    if file is None:
        return None
    with file:
        return file.read()


@pytest.mark.parametrize(
    "chunks",
    [[], [b""], [CAT], [CAT, b"", CAT * 1000], [os.urandom(300_000)]],
    ids=["none", "an empty one", "one", "several", "a long one"],
)
def test_a_content_comes_back_by_its_hash(files: Files, chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    content = files.put("t", chunks, limit=1_000_000)
    assert content == FileContent(hashlib.sha256(whole).hexdigest(), len(whole))
    assert files.exists("t", content.sha256)
    assert _read(files, "t", content.sha256) == whole


def test_the_same_content_is_the_same_file(files: Files) -> None:
    assert files.put("t", [CAT], limit=100) == files.put("t", [CAT[:3], CAT[3:]], limit=100)
    assert _read(files, "t", CAT_NAME) == CAT


def test_what_was_never_put_is_not_there(files: Files) -> None:
    assert files.open("t", CAT_NAME) is None
    assert not files.exists("t", CAT_NAME)
    files.delete("t", CAT_NAME)


def test_each_tenant_has_its_own(files: Files) -> None:
    files.put("t", [CAT], limit=100)
    assert files.open("other", CAT_NAME) is None
    files.put("other", [CAT], limit=100)
    files.delete("t", CAT_NAME)
    assert not files.exists("t", CAT_NAME)
    assert files.open("t", CAT_NAME) is None
    assert _read(files, "other", CAT_NAME) == CAT


@pytest.mark.parametrize("tenant_id", ["../../etc", "a/b", "x" * 300, "ä ?&#"], ids=ascii)
def test_any_tenants_id_will_do(files: Files, tenant_id: str) -> None:
    files.put(tenant_id, [CAT], limit=100)
    assert _read(files, tenant_id, CAT_NAME) == CAT


def test_a_content_is_read_no_further_than_its_limit(files: Files) -> None:
    read: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            read.append(10)
            yield b"0123456789"

    with pytest.raises(PayloadTooLarge):
        files.put("t", endless(), limit=25)
    assert sum(read) == 30
    assert files.put("t", [b"x" * 25], limit=25).size == 25


def test_what_breaks_off_is_not_kept(files: Files) -> None:
    def broken() -> Iterator[bytes]:
        yield CAT
        raise ProviderError("shop", "it hung up")

    with pytest.raises(ProviderError):
        files.put("t", broken(), limit=100)
    assert not files.exists("t", CAT_NAME)


def test_a_content_outlives_the_process(make: Make) -> None:
    first = make()
    first.put("t", [CAT], limit=100)
    first.close()
    again = make()
    assert _read(again, "t", CAT_NAME) == CAT
    again.close()


def test_many_at_once_keep_whole_contents(files: Files) -> None:
    contents = [bytes([number]) * 100_000 for number in range(4)] * 5
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda content: files.put("t", [content], limit=100_000), contents))
    assert [_read(files, "t", each.sha256) for each in results] == contents


def test_files_are_the_owners_alone_and_no_draft_stays(tmp_path: Path) -> None:
    files = DirectoryFiles(tmp_path / "files")
    files.put("t", [CAT], limit=100)
    with pytest.raises(PayloadTooLarge):
        files.put("t", [CAT], limit=3)
    everything = [tmp_path / "files", *(tmp_path / "files").rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in everything if path.is_dir()} == {0o700}
    assert [path.stat().st_mode & 0o777 for path in everything if path.is_file()] == [0o600]


def test_what_a_process_left_half_written_goes_after_some_hours(tmp_path: Path) -> None:
    files = DirectoryFiles(tmp_path)
    files.put("t", [CAT], limit=100)
    [abandoned, recent] = [tmp_path / "drafts" / name for name in ("abandoned", "recent")]
    for path in (abandoned, recent):
        path.write_bytes(CAT)
    os.utime(abandoned, (0, 0))
    files.put("t", [b"dog"], limit=100)
    assert (abandoned.exists(), recent.exists()) == (False, True)


def test_a_disk_that_fails_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("a file where the directory should be")
    _all_fail(DirectoryFiles(tmp_path / "files"))


@pytest.mark.parametrize("answer", [Reply(500), Reply(403), Reply(drop=True)], ids=["500", "403", "no answer"])
def test_a_bucket_that_fails_is_a_store_error(storage: Stub, answer: Reply) -> None:
    for method in ("GET", "POST", "DELETE"):
        storage.on(method, "/", answer)
    files = BucketFiles(Bucket("files-1", storage.url))
    _all_fail(files)
    files.close()


def _all_fail(files: Files) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: files.put("t", [CAT], limit=100),
        lambda: files.open("t", CAT_NAME),
        lambda: files.exists("t", CAT_NAME),
        lambda: files.delete("t", CAT_NAME),
    ]
    for attempt in attempts:
        with pytest.raises(StoreError):
            attempt()
