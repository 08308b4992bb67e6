"""A cache for files: what is put in may be gone a moment later, and is gone after its time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Blob:
    """A file's content, with what is known of it."""

    content: bytes
    mime_type: str
    file_name: str | None = None


class Blobs(Protocol):
    """Files by key, which may be any text. A backend that fails raises `StoreError`; its users do without."""

    def put(self, key: str, blob: Blob, ttl: timedelta) -> None:
        """Keep the file for up to `ttl`; what is there under the key is replaced."""
        ...

    def get(self, key: str) -> Blob | None:
        """Return the file; None when there is none, or its time is over."""
        ...

    def delete(self, key: str) -> None:
        """Delete the file, if it is there."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
