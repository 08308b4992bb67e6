"""Document ids: random, or made of what they stand for. Never monotonic, so that no store gets a hot spot."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections import deque

_BYTES = 12
_DRAWN_TOGETHER = 256
# Each call of the operating system releases the interpreter's lock, and a busy hub waits to get it back.
_unused_ids: deque[str] = deque()
# A fork must not give the ids that its parent gives.
os.register_at_fork(after_in_child=_unused_ids.clear)


def new_id() -> str:
    """A random id of 24 characters, which nobody can guess."""
    try:
        return _unused_ids.pop()
    except IndexError:
        digits, length = secrets.token_hex(_BYTES * _DRAWN_TOGETHER), 2 * _BYTES
        _unused_ids.extend(digits[start : start + length] for start in range(length, len(digits), length))
        return digits[:length]


def stable_id(*parts: str) -> str:
    """The same id for the same parts, always; 32 characters."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return digest.hexdigest()[:32]
