"""Writing a content to where it is kept from, and learning its name meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import IO

from shared.errors import PayloadTooLarge
from shared.ports.files import FileContent


def write(chunks: Iterable[bytes], target: IO[bytes], limit: int) -> FileContent:
    """Write the chunks to `target`; raises `PayloadTooLarge` with the first chunk that goes beyond `limit` bytes."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise PayloadTooLarge(f"the file has more than {limit} bytes")
        digest.update(chunk)
        target.write(chunk)
    return FileContent(digest.hexdigest(), size)
