"""A backup that is made while the hub works is whole, fits together, and becomes the same hub again."""

from __future__ import annotations

import io
import json
import re
import stat
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.hub.main import blueprints
from infra import operate
from shared.bootstrap import bootstrap, close
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.ports.snapshots import Snapshot
from shared.ports.store import Create, Ref
from tests.apps import create_app
from tests.pipeline.hub import Hub

Output = pytest.CaptureFixture[str]


@pytest.fixture
def archive(deps: Deps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_DIR", str(deps.settings.data_dir))
    return tmp_path / "hub.tar"


@pytest.fixture
def restored(deps: Deps, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deps]:
    """A hub on what the archive held."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "restored"))
    assert operate.main(["restore", str(archive)]) == 0
    opened = bootstrap(deps.settings.model_copy(update={"data_dir": tmp_path / "restored"}), durable=False)
    yield opened
    close(opened)


class _Used:
    """What a hub has in it before it is backed up."""

    def __init__(self, hub: Hub, file_id: str, channel_id: str) -> None:
        self.hub, self.file_id, self.channel_id = hub, file_id, channel_id


@pytest.fixture
def used(hub: Hub, archive: Path) -> _Used:
    channel_id = hub.telegram()
    sent = hub.headers | {"Content-Type": "text/plain"}
    answer = hub.client.post("/api/files?fileName=a.txt", data=b"what was uploaded", headers=sent)
    assert answer.json is not None
    assert hub.deps.snapshots is not None
    hub.deps.snapshots.put("abc", Snapshot(3, b"sealed session"))
    assert operate.main(["backup", str(archive)]) == 0
    return _Used(hub, answer.json["id"], channel_id)


def test_a_restored_hub_knows_people_secrets_files_and_sessions(used: _Used, restored: Deps) -> None:
    again = Hub(restored, create_app(restored, blueprints()).test_client(), used.hub.provider, used.hub.headers)
    assert [channel["id"] for channel in again.get("/api/channels")] == [used.channel_id]
    name = Instance.model_validate(used.hub.documents("instances")[0]).secret_name
    assert used.hub.deps.secrets.read(name)
    assert restored.secrets.read(name) == used.hub.deps.secrets.read(name)
    sha256 = again.get(f"/api/files/{used.file_id}")["sha256"]
    assert restored.files is not None
    content = restored.files.open(used.hub.tenant_id, sha256)
    assert content is not None
    with content:
        assert content.read() == b"what was uploaded"
    assert restored.snapshots is not None
    assert restored.snapshots.latest("abc") == Snapshot(3, b"sealed session")


def test_only_its_owner_may_read_a_backup_and_nothing_else_is_left(used: _Used, archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    directory = used.hub.deps.settings.data_dir
    assert not [path for path in (*directory.iterdir(), *archive.parent.iterdir()) if path.name.startswith(".")]
    with tarfile.open(archive) as tar:
        assert not [name for name in tar.getnames() if "blobs" in name or "drafts" in name or "wal" in name]


def test_what_is_committed_during_a_backup_is_in_it_whole_or_not_at_all(
    deps: Deps, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each commit writes two documents, one after the other; a copy of half of one would lack the second."""
    started, ended, written = threading.Event(), threading.Event(), 0

    def write() -> None:
        nonlocal written
        while not ended.is_set():
            pair = [Create(Ref(kind, f"n{written}"), {"tenant_id": "t"}) for kind in ("ratings", "calls")]
            deps.store.commit(pair)
            written += 1
            if written == 50:
                started.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert started.wait(60)
        assert operate.main(["backup", str(archive)]) == 0
    finally:
        ended.set()
        writer.join()
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "restored"))
    assert operate.main(["restore", str(archive)]) == 0
    opened = bootstrap(deps.settings.model_copy(update={"data_dir": tmp_path / "restored"}), durable=False)
    try:
        ratings, calls = opened.store.count("ratings"), opened.store.count("calls")
    finally:
        close(opened)
    assert 50 <= ratings == calls <= written


def test_a_directory_that_holds_anything_and_a_file_that_exists_stay_as_they_are(
    used: _Used, archive: Path, capsys: Output
) -> None:
    before = archive.read_bytes()
    assert operate.main(["backup", str(archive)]) == 1
    assert "exists already: name another file" in capsys.readouterr().err
    assert archive.read_bytes() == before
    assert operate.main(["restore", str(archive)]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert used.hub.get("/api/channels")


def _rewritten(archive: Path, target: Path, name: str, content: bytes) -> None:
    """The archive with another content for one of its files."""
    with tarfile.open(archive) as old, tarfile.open(target, "w") as new:
        for member in old:
            file = old.extractfile(member)
            assert file is not None
            data = content if member.name == name else file.read()
            member.size = len(data)
            new.addfile(member, io.BytesIO(data))


def _manifest(archive: Path, **changes: object) -> bytes:
    with tarfile.open(archive) as tar:
        file = tar.extractfile("manifest.json")
        assert file is not None
        return json.dumps(json.loads(file.read()) | changes).encode()


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("damaged", "secrets.key is damaged"),
        ("cut", "damaged|unexpected end|missing"),
        ("newer", "a newer version of the hub has made it"),
        ("elsewhere", "../outside is no file of a hub"),
        ("other", "not|invalid"),
    ],
)
def test_what_is_no_whole_backup_is_refused_and_leaves_nothing(
    used: _Used, archive: Path, case: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    bad = tmp_path / "bad.tar"
    if case == "damaged":
        _rewritten(archive, bad, "secrets.key", bytes(32))
    elif case == "cut":
        bad.write_bytes(archive.read_bytes()[:-40_000])
    elif case == "newer":
        _rewritten(archive, bad, "manifest.json", _manifest(archive, steps=99))
    elif case == "elsewhere":
        outside = {"../outside": {"size": 3, "sha256": "x"}, "hub.db": {"size": 1, "sha256": "x"}}
        with tarfile.open(bad, "w") as tar:
            for name, content in {"manifest.json": _manifest(archive, members=outside), "../outside": b"bad"}.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    else:
        bad.write_bytes(b"no backup at all" * 1000)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "restored"))
    assert operate.main(["restore", str(bad)]) == 2
    assert re.search(f"cannot be restored: .*({why})", capsys.readouterr().err)
    assert {path.name for path in tmp_path.iterdir()} == {"bad.tar", "hub.tar", "data"}
