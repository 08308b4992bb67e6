"""Mail addresses."""

from __future__ import annotations


def canonical(address: str) -> str:
    """In lower case: mailboxes that differ in case alone are the same in practice."""
    return address.strip().lower()
