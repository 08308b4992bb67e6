"""Headers of mails, decoded."""

from __future__ import annotations

import re
from email.header import decode_header
from email.message import Message as Mail
from email.utils import getaddresses

from shared.channels.email_ses import charsets

MOST_HEADER, MOST_ENCODED_WORDS = 10_000, 300
"""Characters of a header that are read, and the encoded words up to which they are decoded.

The library's ways of taking a header apart cost the square of its length.
"""

_ADDRESS = re.compile(r"[^@\s<>\"(),:;\\\[\]]{1,64}@[A-Za-z0-9.-]{1,255}")


def header(mail: Mail, name: str, limit: int = 1000) -> str:
    """A header's value, decoded, on one line; empty when it is not there."""
    return " ".join(decoded(raw(mail, name)).split())[:limit]


def raw(mail: Mail, name: str) -> str:
    """A header's value as it is written; what came as bytes, though headers are ASCII, in the charset that it is in."""
    value = next((str(value) for each, value in mail.raw_items() if each.lower() == name.lower()), "")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # the library keeps such bytes as half characters
        return charsets.text(value.encode("utf-8", "surrogateescape"), None)
    return value


def addresses(mail: Mail, name: str) -> list[tuple[str, str]]:
    """The names and addresses in a header; the addresses in lower case.

    They are told apart before encoded words are decoded: an address or a comma inside one belongs to a name.
    """
    pairs = getaddresses([" ".join(raw(mail, name).split())[:MOST_HEADER]])
    plain = [(" ".join(decoded(display_name).split()), address.strip().lower()) for display_name, address in pairs]
    return [(display_name, address) for display_name, address in plain if is_address(address)][:100]


def is_address(text: str) -> bool:
    """Whether a mail can be written to it; quoted local parts and address literals are left out."""
    return _ADDRESS.fullmatch(text) is not None


def decoded(value: str) -> str:
    if value.count("=?") > MOST_ENCODED_WORDS:
        return charsets.clean(value)
    try:
        pieces = decode_header(value)
    except (ValueError, LookupError):
        return charsets.clean(value)
    return "".join(_piece(text, charset) for text, charset in pieces)


def _piece(text: bytes | str, charset: str | None) -> str:
    return charsets.clean(text) if isinstance(text, str) else charsets.text(text, charset)
