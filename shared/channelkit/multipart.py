"""A form with a file, as RFC 7578 has it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import quote

from shared.channel.media import Media


def multipart(fields: Mapping[str, str], content: bytes, mime_type: str, name: str) -> tuple[bytes, str]:
    """A body of the fields and of the file named `file`, and the body's content type."""
    return form(fields, {"file": Media(content=content, mime_type=mime_type, file_name=name)})


def form(fields: Mapping[str, str], files: Mapping[str, Media]) -> tuple[bytes, str]:
    """A body of the fields and of the files, each by the name of its field, and the body's content type."""
    boundary = secrets.token_hex(16)
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    pieces = [f'{part}{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    for name, file in files.items():
        file_name = quote((file.file_name or "file")[-200:], safe=" ()-_.,")
        kind = readable((file.mime_type or "application/octet-stream").partition(";")[0].strip())
        head = f'{part}{name}"; filename="{file_name}"\r\nContent-Type: {kind}\r\n\r\n'
        pieces += [head.encode(), file.content, b"\r\n"]
    return b"".join([*pieces, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


def readable(mime_type: str) -> str:
    """A type that can be written into a header."""
    return mime_type if mime_type.isascii() and mime_type.isprintable() else "application/octet-stream"
