"""How passwords are stored."""

from __future__ import annotations

import pytest

from shared.security.passwords import Passwords

PASSWORDS = Passwords()


@pytest.mark.parametrize("password", ["correct horse", "größer als ß", "x" * 1024, "\U0001f600" * 8])
def test_a_password_matches_its_hash_and_no_other(password: str) -> None:
    hashed = PASSWORDS.hash(password)
    assert PASSWORDS.matches(password, hashed)
    assert not PASSWORDS.matches(password + "x", hashed)


def test_a_hash_is_argon2id_with_a_salt_of_its_own() -> None:
    one, two = PASSWORDS.hash("same password"), PASSWORDS.hash("same password")
    assert one.startswith("$argon2id$")
    assert one != two


@pytest.mark.parametrize("hashed", [None, "", "not a hash", "$argon2id$broken"])
def test_without_a_usable_hash_nothing_matches(hashed: str | None) -> None:
    assert not PASSWORDS.matches("nobody has this password", hashed)
