"""Passwords, kept as argon2id hashes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_LENGTH = 8
MAX_LENGTH = 1024


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher, Type  # noqa: PLC0415 - loads a C library that few functions need

    # The least that OWASP recommends (19 MiB, 2 passes): many logins fit into a small container at once.
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return _hasher().hash("nobody has this password")


def hash_password(password: str) -> str:
    """Hash a password with a salt of its own."""
    return _hasher().hash(password)


def password_matches(password: str, hashed: str | None) -> bool:
    """Check a password; without a hash (no such user) it takes as long and is wrong."""
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - loads a C library

    try:
        _hasher().verify(_nobodys() if hashed is None else hashed, password)
    except (VerificationError, InvalidHashError):
        return False
    return hashed is not None
