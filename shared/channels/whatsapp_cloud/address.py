"""Who is who: phone numbers, and the ids that stand for customers who hide theirs."""

from __future__ import annotations

import re

from shared.channelkit import jid

_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_NUMBER = re.compile(r"\+?[0-9]{6,20}")


def canonical(address: str) -> str:
    """One spelling per person: a number's digits, or a business-scoped user id as it is."""
    plain = re.sub(r"[\s().-]", "", address) if address.strip().startswith("+") else address.strip()
    if not _NUMBER.fullmatch(plain):
        return address.strip()
    return jid.canonical(plain).removesuffix(jid.PHONE)


def is_user_id(address: str) -> bool:
    """Whether it is a business-scoped user id, such as `US.13491208655302741918`, which messages name otherwise."""
    return _USER_ID.fullmatch(address) is not None


def phone(address: str) -> str | None:
    """The number to dial, as `+digits`; None for a business-scoped user id."""
    return jid.phone(address) if _NUMBER.fullmatch(address) else None
