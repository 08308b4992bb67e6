"""Secrets in the database, encrypted with a key that lies in a file beside it."""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path

from shared.adapters.embedded.engine.database import Database
from shared.errors import BadRequest, SecretLost
from shared.security.sealed import load_key, seal, unseal

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,255}")


class SealedSecrets:
    """`Secrets` over a `Database`, which it closes with itself.

    The key file is made when the first secret is written. Raises `ConfigurationInvalid` when it is unsafe, and
    `SecretLost` for a secret that was sealed with another one.
    """

    def __init__(self, database: Database, key_file: Path) -> None:
        self._database = database
        self._key_file = key_file

    def read(self, name: str) -> dict[str, str]:
        rows = self._database.read("SELECT sealed FROM secrets WHERE name = ?", (_checked(name),))
        if not rows:
            return {}
        return self._unsealed(name, rows[0][0])

    def write(self, name: str, value: dict[str, str]) -> None:
        row = (_checked(name), seal(self._key, name, json.dumps(value).encode()))
        self._database.write(
            lambda connection: connection.execute("INSERT OR REPLACE INTO secrets (name, sealed) VALUES (?, ?)", row)
        )

    def unreadable(self) -> list[str]:
        """The names of the secrets that the key file does not open: all of them where there is no key file."""
        return [
            name
            for name, sealed in self._database.read("SELECT name, sealed FROM secrets", ())
            if self._is_lost(name, sealed)
        ]

    def delete(self, name: str) -> None:
        row = (_checked(name),)
        self._database.write(lambda connection: connection.execute("DELETE FROM secrets WHERE name = ?", row))

    def close(self) -> None:
        self._database.close()

    def _unsealed(self, name: str, sealed: bytes) -> dict[str, str]:
        if not self._key_file.exists():
            # A new key would not open it either.
            raise SecretLost(f"the secret {name} was not sealed with this key file: {self._key_file} is missing")
        value: dict[str, str] = json.loads(unseal(self._key, name, sealed))
        return value

    def _is_lost(self, name: str, sealed: bytes) -> bool:
        try:
            self._unsealed(name, sealed)
        except SecretLost:
            return True
        return False

    @cached_property
    def _key(self) -> bytes:
        return load_key(self._key_file)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadRequest("a secret's name has letters, digits, - and _ only")
    return name
