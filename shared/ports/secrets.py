"""Credentials, kept apart from everything else."""

from __future__ import annotations

from typing import Protocol


class Secrets(Protocol):
    """Named secrets; each is a small map of text to text.

    Names match `[a-zA-Z0-9_-]{1,255}`. Reads may be up to a few minutes old in
    other processes, never in the one that wrote.
    """

    def read(self, name: str) -> dict[str, str]:
        """Return the secret; an unknown one is empty."""
        ...

    def write(self, name: str, value: dict[str, str]) -> None:
        """Replace the secret; the former value is destroyed."""
        ...

    def delete(self, name: str) -> None:
        """Destroy the secret; an unknown one is fine."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
