"""Passwords, kept as argon2id hashes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_LENGTH = 8
MAX_LENGTH = 1024


class Passwords:
    """Hashes passwords and checks them.

    The default cost is the least that OWASP recommends (19 MiB, 2 passes): many sign-ins at once fit into a small
    container.
    """

    def __init__(self, *, passes: int = 2, kibibytes: int = 19 * 1024) -> None:
        self._passes, self._kibibytes = passes, kibibytes

    def hash(self, password: str) -> str:
        """Hash a password with a salt of its own."""
        return self._hasher.hash(password)

    def matches(self, password: str, hashed: str | None) -> bool:
        """Check a password; without a hash (no such user) it takes as long and is wrong."""
        from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - loads a C library

        try:
            self._hasher.verify(self._hash_of_nobody if hashed is None else hashed, password)
        except (VerificationError, InvalidHashError):
            return False
        return hashed is not None

    @cached_property
    def _hasher(self) -> PasswordHasher:
        from argon2 import PasswordHasher, Type  # noqa: PLC0415 - loads a C library that few functions need

        return PasswordHasher(time_cost=self._passes, memory_cost=self._kibibytes, parallelism=1, type=Type.ID)

    @cached_property
    def _hash_of_nobody(self) -> str:
        return self.hash("nobody has this password")
