"""Which message of ours a message at WhatsApp is, where nobody heard what id it was given.

WhatsApp lets us give no message an id. But each message has a secret that its sender chooses, with which votes and
reports are encrypted, and the library writes down id and secret before it sends. So the secret begins with our own id;
the 14 bytes that are left are random.
"""

from __future__ import annotations

import base64
import re
import secrets

SECRET_BYTES = 32
_ID_BYTES = (12, 16)
"""How long our ids are (`domain/ids.py`); the first byte of a secret says which."""

_PART_ID = re.compile(r"((?:[0-9a-f]{2}){12}|(?:[0-9a-f]{2}){16})(?:\.(\d{1,2}))?")


def secret_for(part_id: str | None) -> str:
    """The secret, in base64, for a part that is sent (`OutboxPayload.message_id`)."""
    named = _PART_ID.fullmatch(part_id or "")
    if named is None:
        return base64.b64encode(bytes([0]) + secrets.token_bytes(SECRET_BYTES - 1)).decode()
    identifier = bytes.fromhex(named[1])
    head = bytes([len(identifier), int(named[2] or 0)]) + identifier
    return base64.b64encode(head + secrets.token_bytes(SECRET_BYTES - len(head))).decode()


def part_id_of(secret: bytes) -> str | None:
    """The part that was sent with this secret; None for a message that was not the hub's."""
    if len(secret) != SECRET_BYTES or secret[0] not in _ID_BYTES:
        return None
    length, number = secret[0], secret[1]
    identifier = secret[2 : 2 + length].hex()
    return f"{identifier}.{number}" if number else identifier
