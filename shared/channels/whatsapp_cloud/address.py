"""Who is who: phone numbers, and the ids that stand for customers who hide theirs."""

from __future__ import annotations

import re

from shared.channelkit import jid

_NUMBER = re.compile(r"\+?[0-9]{6,20}")


def canonical(address: str) -> str:
    """One spelling per person: a number's digits, or a business-scoped user id as it is."""
    plain = re.sub(r"[\s().-]", "", address) if address.strip().startswith("+") else address.strip()
    if not _NUMBER.fullmatch(plain):
        return address.strip()
    return jid.canonical(plain).removesuffix(jid.PHONE)


def phone(address: str) -> str | None:
    """The number to dial, as `+digits`; None for a business-scoped user id."""
    return jid.phone(address) if _NUMBER.fullmatch(address) else None
