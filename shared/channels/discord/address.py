"""Users' ids."""

from __future__ import annotations


def canonical(address: str) -> str:
    """A user's id, also as Discord writes a mention."""
    return address.strip().removeprefix("<@").removeprefix("!").removesuffix(">")
