"""Telephone numbers."""

from __future__ import annotations

import re


def canonical(address: str) -> str:
    """`+` and digits where it is a telephone number; short codes and names stay as they are."""
    digits = re.sub(r"[\s().-]", "", address)
    return digits if re.fullmatch(r"\+?\d+", digits) else address.strip()
