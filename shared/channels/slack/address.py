"""Users' ids."""

from __future__ import annotations


def canonical(address: str) -> str:
    """A user's id, also as Slack writes a mention."""
    return address.strip().removeprefix("<@").partition("|")[0].removesuffix(">")
