"""A disk that loses in a power cut what was not synced.

It follows what `recorder.c` wrote down, and can be asked at any time what a
power cut would leave. What POSIX promises is kept and no more: a file's bytes
and its length since it was synced, a name in a directory since that was synced.
Of the rest each sector and each change of a name is kept or lost by chance,
whatever came before or after it.
"""

from __future__ import annotations

import shutil
import stat
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from random import Random
from typing import TypeAlias

SECTOR = 512

_HEAD = struct.Struct("=IIQQII")


class Kind(IntEnum):
    MADE = 1
    WRITTEN = 2
    CUT = 3
    SYNCED = 4
    NAMED = 5
    RENAMED = 6
    REMOVED = 7


@dataclass(frozen=True)
class Record:
    """One thing that a process did; a renamed file's former path is its `data`."""

    kind: Kind
    mode: int
    inode: int
    offset: int
    path: str
    data: bytes


def records_in(log: bytes) -> Iterator[Record]:
    """All whole records; the process may have died over the last one."""
    at = 0
    while at + _HEAD.size <= len(log):
        kind, mode, inode, offset, path_length, length = _HEAD.unpack_from(log, at)
        at += _HEAD.size + path_length + length
        if at > len(log):
            return
        data = log[at - length : at]
        path = log[at - length - path_length : at - length].decode()
        yield Record(Kind(kind), mode, inode, offset, path, data)


Image: TypeAlias = dict[str, tuple[int, bytes | None]]
"""Mode and content by the path below a disk's root, a directory before what lies in it; a directory has no content."""


@dataclass
class _File:
    mode: int
    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """What was written at an offset, or None where the file was cut off there."""

    def sync(self) -> None:
        for offset, data in self.pending:
            _put(self.durable, offset, data)
        self.pending.clear()

    def content(self, chance: Random, survival: float) -> bytes:
        content = bytearray(self.durable)
        for offset, data in self.pending:
            for at, sector in _sectors(offset, data):
                if chance.random() < survival:
                    _put(content, at, sector)
        return bytes(content)


@dataclass
class _Directory:
    mode: int
    durable: dict[str, _Node] = field(default_factory=dict)
    pending: list[dict[str, _Node | None]] = field(default_factory=list)
    """Changes of names, each done whole or not at all; None removes one."""

    def sync(self) -> None:
        for change in self.pending:
            _rename(self.durable, change)
        self.pending.clear()

    def names(self, chance: Random, survival: float) -> dict[str, _Node]:
        names = dict(self.durable)
        for change in self.pending:
            if chance.random() < survival:
                _rename(names, change)
        return names


_Node: TypeAlias = _File | _Directory


def _put(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        content[offset:] = bytes(max(0, offset - len(content)))
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


def _sectors(offset: int, data: bytes | None) -> Iterator[tuple[int, bytes | None]]:
    """A write as the disk's sectors; each is kept whole or lost whole."""
    if data is None:
        yield offset, None
        return
    start = 0
    while start < len(data):
        end = min(len(data), start + SECTOR - (offset + start) % SECTOR)
        yield offset + start, data[start:end]
        start = end


def _rename(names: dict[str, _Node], change: Mapping[str, _Node | None]) -> None:
    for name, node in change.items():
        names.pop(name, None)
        if node is not None:
            names[name] = node


class Disk:
    """The disk below `root`; the files that exist when this is created are durable."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._nodes: dict[int, _Node] = {}
        """By inode; the number of a removed file may be reused by a new one."""
        self._root = self._take(root)

    def follow(self, record: Record) -> None:
        match record.kind:
            case Kind.MADE:
                mode = stat.S_IMODE(record.mode)
                node = _Directory(mode) if stat.S_ISDIR(record.mode) else _File(mode)
                self._nodes[record.inode] = node
                self._change(record.path, node)
            case Kind.NAMED:
                self._change(record.path, self._nodes[record.inode])
            case Kind.RENAMED:
                self._change(record.path, self._nodes[record.inode], away=record.data.decode())
            case Kind.REMOVED:
                self._change(record.path, None)
            case Kind.SYNCED:
                self._nodes[record.inode].sync()
            case Kind.WRITTEN:
                self._file(record.inode).pending.append((record.offset, record.data))
            case Kind.CUT:
                self._file(record.inode).pending.append((record.offset, None))

    def after_a_cut(self, chance: Random, survival: float) -> Image:
        """The content after a power cut; `survival` is the probability that an unsynced piece was kept."""
        image: Image = {}
        _fill(image, "", self._root, chance, survival)
        return image

    def as_it_is(self) -> Image:
        """What processes see."""
        return self.after_a_cut(Random(), survival=1.0)

    def _take(self, path: Path) -> _Node:
        about = path.stat()
        mode = stat.S_IMODE(about.st_mode)
        node: _Node
        if path.is_dir():
            node = _Directory(mode, {child.name: self._take(child) for child in path.iterdir()})
        else:
            node = _File(mode, bytearray(path.read_bytes()))
        self._nodes[about.st_ino] = node
        return node

    def _change(self, path: str, node: _Node | None, away: str | None = None) -> None:
        parent, _, name = path.rpartition("/")
        change: dict[str, _Node | None] = {name: node}
        if away is not None:
            former, _, old_name = away.rpartition("/")
            assert former == parent, "a file was moved to another directory, of which this disk knows nothing"
            change = {old_name: None, name: node}
        self._directory(Path(parent)).pending.append(change)

    def _directory(self, path: Path) -> _Directory:
        """As processes see it."""
        node = self._root
        for name in path.relative_to(self.root).parts:
            assert isinstance(node, _Directory)
            node = node.names(Random(), survival=1.0)[name]
        assert isinstance(node, _Directory)
        return node

    def _file(self, inode: int) -> _File:
        node = self._nodes[inode]
        assert isinstance(node, _File)
        return node


def _fill(image: Image, path: str, node: _Node, chance: Random, survival: float) -> None:
    if isinstance(node, _File):
        image[path] = (node.mode, node.content(chance, survival))
        return
    image[path] = (node.mode, None)
    for name, child in node.names(chance, survival).items():
        _fill(image, f"{path}/{name}".lstrip("/"), child, chance, survival)


def part_of(image: Image, directory: str) -> Image:
    """What lies in a directory at the top, and nothing when there is no such directory."""
    below = {path: entry for path, entry in image.items() if f"{path}/".startswith(f"{directory}/")}
    return {path.removeprefix(directory).lstrip("/"): entry for path, entry in below.items()}


def restore(image: Image, root: Path) -> None:
    """Make the directory hold that and nothing else."""
    if root.exists():
        shutil.rmtree(root)
    for path, (mode, content) in image.items():
        place = root / path
        if content is None:
            place.mkdir(mode=mode)
        else:
            place.write_bytes(content)
            place.chmod(mode)
