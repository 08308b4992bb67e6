"""Hashing passwords for next to nothing: at the real cost it would take a tenth of a second of most tests."""

from __future__ import annotations

from shared.security.passwords import Passwords

CHEAP_PASSWORDS = Passwords(passes=1, kibibytes=8)
