"""The files of the console's page, read and compressed once in a process."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from string import Template

FOLDER = Path(__file__).with_name("assets")

_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
"""What is served; other files in the folder, such as licences and the page itself, are not."""

_IS_COMPRESSED = {".woff2"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file with its media type; `compressed` (gzip) is None where that saves nothing."""

    content: bytes
    media_type: str
    compressed: bytes | None


@cache
def asset(name: str) -> Asset | None:
    """The file of this path below the folder of assets; None where there is none to serve."""
    content = _contents().get(name)
    kind = Path(name).suffix
    if content is None or kind not in _TYPES:
        return None
    return Asset(content, _TYPES[kind], None if kind in _IS_COMPRESSED else _compressed(content))


@cache
def page(socket_path: str) -> str:
    """The page itself, which loads the present version of the files, and events from `socket_path`."""
    template = Template(_contents()["index.html"].decode())
    return template.substitute(version=version(), socket=escape(socket_path))


@cache
def version() -> str:
    """A name for what all files hold: they import one another, so that a page needs all of one version."""
    digest = hashlib.sha256()
    for name, content in sorted(_contents().items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


@cache
def _contents() -> dict[str, bytes]:
    return {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}


def _compressed(content: bytes) -> bytes | None:
    compressed = gzip.compress(content, compresslevel=9, mtime=0)
    return compressed if len(compressed) < len(content) else None
