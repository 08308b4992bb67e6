"""Names that people read: what is in them must show."""

from __future__ import annotations

import unicodedata

# They turn the order of what follows: https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})


def misleads(text: str) -> bool:
    """Whether it holds control characters, line separators, or characters that turn the direction of writing."""
    return any(character in _TURNING or unicodedata.category(character) in _UNSEEN for character in text)
