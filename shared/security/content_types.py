"""What a stranger's file may call itself when a browser asks for it."""

from __future__ import annotations

import re

UNKNOWN = "application/octet-stream"

_WELL_FORMED = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}/[a-z0-9][a-z0-9.+-]{0,99}")
# What a browser would run, or take for a page.
_ACTIVE = re.compile(r"html|xml|svg|script|ecmascript|css|flash|x-shockwave|mhtml|multipart/|message/|/pdf$")
_PAGE_OR_PROGRAM = re.compile(r"html|script|ecmascript|x-msdownload|x-msdos|x-dosexec|x-executable|x-sh$|java-archive")
_STARTS_OF_ACTIVE = (b"<!doctype html", b"<html", b"<script", b"#!/", b"\x7felf", b"mz\x90\x00")
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (8, b"WAVE", "audio/wav"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
)
_SHOWN = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})


def content_type(declared: str | None, content: bytes) -> str:
    """The type to serve a file under: the declared one, unless it is no type, is an active one, or is an image's
    while the content is not; then what the first bytes tell, else `application/octet-stream`.
    """
    mime_type = (declared or "").partition(";")[0].strip().lower()
    recognized = next((kind for at, sign, kind in _SIGNATURES if content[at : at + len(sign)] == sign), UNKNOWN)
    if not _WELL_FORMED.fullmatch(mime_type) or mime_type == UNKNOWN:
        return recognized
    if mime_type.startswith("image/"):
        return recognized
    if mime_type == "application/pdf":
        return recognized
    return UNKNOWN if _ACTIVE.search(mime_type) else mime_type


def is_active(declared: str | None, content: bytes) -> bool:
    """Whether it is a web page or a program, by what it is declared as or by its first bytes."""
    mime_type = (declared or "").partition(";")[0].strip().lower()
    start = content[:512].lstrip().lower()
    return bool(_PAGE_OR_PROGRAM.search(mime_type)) or start.startswith(_STARTS_OF_ACTIVE)


def may_be_shown(mime_type: str) -> bool:
    """Whether a browser may show a file of this type in place; all others are only saved."""
    return mime_type in _SHOWN or mime_type.startswith(("audio/", "video/"))
