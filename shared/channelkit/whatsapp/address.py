"""WhatsApp's addresses, compared by one spelling per person."""

from __future__ import annotations

import re

from shared.channelkit import jid
from shared.errors import BadRequest

_ADDRESS = re.compile(r"\d{6,20}@s\.whatsapp\.net|\d+@lid|[\d-]+@g\.us")
_PUNCTUATION = re.compile(r"[\s()./-]")


def canonical(address: str) -> str:
    """The one spelling of a number, a hidden id or a group; raises `BadRequest` for what is none of them."""
    typed = address if "@" in address else _PUNCTUATION.sub("", address)
    if not _ADDRESS.fullmatch(jid.bare(typed)):
        raise BadRequest.of_field(
            "external_user_id", "give a number with its country code, such as +5511988887777, or WhatsApp's own address"
        )
    return jid.canonical(typed)
