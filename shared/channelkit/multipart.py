"""A form with a file, as RFC 7578 has it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import quote


def multipart(
    fields: Mapping[str, str], content: bytes, mime_type: str, name: str, field: str = "file"
) -> tuple[bytes, str]:
    """A body of the fields and of the file in the field `field`, and the body's content type."""
    boundary = secrets.token_hex(16)
    file_name = quote(name[-200:], safe=" ()-_.,")
    kind = readable(mime_type)
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    head = "".join(f'{part}{name_}"\r\n\r\n{value}\r\n' for name_, value in fields.items())
    head += f'{part}{field}"; filename="{file_name}"\r\nContent-Type: {kind}\r\n\r\n'
    return head.encode() + content + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def readable(mime_type: str) -> str:
    """A type that can be written into a header."""
    return mime_type if mime_type.isascii() and mime_type.isprintable() else "application/octet-stream"
