"""Document ids: random, or made of what they stand for. Never monotonic, so that no store gets a hot spot."""

from __future__ import annotations

import hashlib
import secrets


def new_id() -> str:
    """A random id of 24 characters."""
    return secrets.token_hex(12)


def stable_id(*parts: str) -> str:
    """The same id for the same parts, always; 32 characters."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return digest.hexdigest()[:32]
