"""A backup of a data directory in one file, which is whole and fits together although the hub goes on meanwhile.

It is a tar file whose first member, `manifest.json`, tells the size and SHA-256 of all others. The order in which they
are taken makes them fit together:

1. Sessions and kept files, as hard links: a session may be older than what the database says of it, never newer.
2. The database, by SQLite's online backup, in one step: what was committed until then, and nothing else.
3. Kept files that came meanwhile, and the key file, without which no secret of the database can be read.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from pydantic import BaseModel, ValidationError

from shared.adapters.embedded.engine.schema import STEPS
from shared.errors import BadRequest, Collision, StoreError
from shared.security.sealed import sync_directory

_MANIFEST = "manifest.json"
_DATABASE = "hub.db"
_KEY = "secrets.key"
_FORM = 1
_BLOCK = 1024 * 1024
_MOST_MANIFEST = 1 << 30


class Member(BaseModel):
    """One file of an archive."""

    size: int
    sha256: str


class Manifest(BaseModel):
    """What an archive holds: `steps` is the version of the database's tables, `members` are paths in DATA_DIR."""

    form: int = _FORM
    made_at: datetime
    steps: int
    members: dict[str, Member]


def back_up(directory: Path, archive: Path) -> Manifest:
    """Write the archive, a file of mode 0600 that is not there before it is whole.

    Raises `Collision` for a file that exists, and `StoreError`.
    """
    if archive.exists():
        raise Collision(f"{archive} exists already: name another file")
    try:
        with _staging(directory) as staged:
            _link_all(directory, staged, "sessions", "files")
            steps = _copy_database(directory / _DATABASE, staged / _DATABASE)
            _link_all(directory, staged, "files")
            if (directory / _KEY).exists():
                shutil.copyfile(directory / _KEY, staged / _KEY)
            return _write(staged, archive, steps)
    except (OSError, sqlite3.Error, tarfile.TarError) as error:
        raise StoreError(f"the backup could not be made: {error}") from error


def restore(archive: Path, directory: Path) -> Manifest:
    """Fill an empty or missing directory with what an archive holds; what is there is durable in the end.

    Nothing is left where it fails. Raises `Collision` for a directory that holds anything, and `BadRequest` for a file
    that is no archive, is damaged, or was made by a newer version of the hub.
    """
    if directory.exists() and any(directory.iterdir()):
        raise Collision(f"{directory} is not empty: a backup is restored into a directory of its own")
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        manifest = _unpack(archive, draft)
        _check_database(draft / _DATABASE)
        if directory.exists():
            directory.rmdir()
        draft.rename(directory)
        sync_directory(directory.parent)
    except (OSError, EOFError, tarfile.TarError, ValidationError, sqlite3.Error) as error:
        raise BadRequest(f"{archive} cannot be restored: {_why(error)}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def _why(error: Exception) -> str:
    return "its list of files is malformed" if isinstance(error, ValidationError) else str(error)


@contextmanager
def _staging(directory: Path) -> Iterator[Path]:
    """A directory on the same file system, where links can be made; one that a dead process left is deleted first."""
    for old in directory.glob(".backup-*"):
        shutil.rmtree(old, ignore_errors=True)
    staged = Path(tempfile.mkdtemp(prefix=".backup-", dir=directory))
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _link_all(directory: Path, staged: Path, *names: str) -> None:
    for name in names:
        for path in (directory / name).rglob("*"):
            inside = path.relative_to(directory)
            target = staged / inside
            # Drafts are not whole yet, and what goes meanwhile is not wanted any more.
            if path.name.startswith(".") or inside.parts[1] == "drafts" or target.exists():
                continue
            with suppress(FileNotFoundError):
                if path.is_file() and not path.is_symlink():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.link(path, target)


def _copy_database(source: Path, target: Path) -> int:
    """Copy what was committed; returns the version of its tables. Writers go on meanwhile."""
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as reader,
        closing(sqlite3.connect(target)) as writer,
    ):
        # In one step, else it begins anew whenever somebody writes.
        reader.backup(writer, pages=-1)
        writer.execute("PRAGMA journal_mode = DELETE")
        steps: int = writer.execute("PRAGMA user_version").fetchone()[0]
    return steps


def _write(staged: Path, archive: Path, steps: int) -> Manifest:
    paths = sorted(path for path in staged.rglob("*") if path.is_file())
    members = {str(PurePosixPath(path.relative_to(staged))): _member(path) for path in paths}
    manifest = Manifest(made_at=datetime.now(UTC), steps=steps, members=members)
    draft = archive.with_name(f".{archive.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                _add(tar, _MANIFEST, io.BytesIO(manifest.model_dump_json().encode()))
                for name, path in zip(members, paths, strict=True):
                    with path.open("rb") as content:
                        _add(tar, name, content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, archive)  # unlike a renaming it replaces nothing
    except FileExistsError:
        raise Collision(f"{archive} exists already: name another file") from None
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(archive.parent)
    return manifest


def _add(tar: tarfile.TarFile, name: str, content: BinaryIO) -> None:
    information = tarfile.TarInfo(name)
    information.size = content.seek(0, io.SEEK_END)
    information.mode = 0o600
    content.seek(0)
    tar.addfile(information, content)


def _member(path: Path) -> Member:
    with path.open("rb") as file:
        return Member(size=path.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def _unpack(archive: Path, directory: Path) -> Manifest:
    with tarfile.open(archive, mode="r|") as tar:
        manifest = _manifest(tar)
        missing = dict(manifest.members)
        while (information := tar.next()) is not None:
            member = missing.pop(information.name, None)
            content = tar.extractfile(information) if information.isreg() else None
            if member is None or content is None or information.size != member.size:
                raise tarfile.TarError(f"{information.name} is not what its list of files says")
            _extract(content, directory / _inside(information.name), member)
    if missing:
        raise tarfile.TarError(f"{min(missing)} is missing in it")
    return manifest


def _manifest(tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    content = tar.extractfile(first) if first and first.name == _MANIFEST and first.size < _MOST_MANIFEST else None
    if content is None:
        raise tarfile.TarError("it is no backup of a hub")
    manifest = Manifest.model_validate_json(content.read())
    if manifest.form != _FORM or manifest.steps > len(STEPS):
        raise tarfile.TarError("a newer version of the hub has made it; restore it with that version")
    if _DATABASE not in manifest.members:
        raise tarfile.TarError("there is no database in it")
    return manifest


def _inside(name: str) -> str:
    """The path in a data directory; nothing is written elsewhere, whatever an archive says."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.parts[0] not in (_DATABASE, _KEY, "files", "sessions"):
        raise tarfile.TarError(f"{name} is no file of a hub")
    return name


def _extract(content: IO[bytes], path: Path, member: Member) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        while block := content.read(_BLOCK):
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != member.sha256:
        raise tarfile.TarError(f"{path.name} is damaged")
    sync_directory(path.parent)


def _check_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        [result] = connection.execute("PRAGMA quick_check(1)").fetchone()
    if result != "ok":
        raise tarfile.TarError(f"the database in it is damaged: {result}")
