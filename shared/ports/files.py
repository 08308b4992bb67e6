"""Files that are kept until they are deleted, by the SHA-256 of their content."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class FileContent:
    """What names a file's content: `sha256` in hex, and its `size` in bytes."""

    sha256: str
    size: int


class Files(Protocol):
    """Contents of files, each tenant's apart from the others'. A backend that fails raises `StoreError`."""

    def put(self, tenant_id: str, chunks: Iterable[bytes], limit: int) -> FileContent:
        """Keep a content; returns when it is durable, and changes nothing where it is there already.

        Raises `PayloadTooLarge` as soon as there are more than `limit` bytes, and keeps none of them.
        """
        ...

    def open(self, tenant_id: str, sha256: str) -> BinaryIO | None:
        """The content, to be read and closed; None when there is none."""
        ...

    def exists(self, tenant_id: str, sha256: str) -> bool:
        """Whether the content is there."""
        ...

    def delete(self, tenant_id: str, sha256: str) -> None:
        """Delete the content, if it is there."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
