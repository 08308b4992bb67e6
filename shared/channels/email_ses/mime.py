"""Reading a mail: text, safe HTML, and the files in it. Nothing in a stranger's mail may make it fail."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header
from email.message import Message as Mail
from email.policy import Compat32
from email.utils import getaddresses
from itertools import islice

from shared.channels.email_ses import markup

MOST_TEXT, MOST_HTML, MOST_FILES, MOST_PARTS, MOST_DEEP = 100_000, 200_000, 50, 500, 20
MOST_HEADER, MOST_PART_HEADER, MOST_ENCODED_WORDS = 10_000, 2_000, 300
"""Characters of a header that are read, of one that describes a part, and the encoded words up to which are decoded.

The library's ways of taking a header apart cost the square of its length.
"""

# Four bytes make a character at most; what is cut off before decoding is never shown.
_MOST_BYTES = 8 * MOST_HTML

_ADDRESS = re.compile(r"[^@\s<>\"(),:;\\\[\]]{1,64}@[A-Za-z0-9.-]{1,255}")
# Decoding these costs the square of the length, and nobody writes a mail in them.
_NO_CHARSETS = frozenset({"idna", "punycode"})


class _Part(Mail):
    """A mail or a part of one; how deep it lies is how often the library looks at each of its lines."""

    depth = 0

    def attach(self, payload: Mail) -> None:  # type: ignore[override]  # a parser attaches nothing else
        if isinstance(payload, _Part):
            payload.depth = self.depth + 1
        if self.depth >= MOST_DEEP:
            raise RecursionError("the parts of a mail lie too deep in one another")
        super().attach(payload)


class _ShortHeaders(Compat32):
    """The lenient rules, by which no header is longer than `MOST_HEADER`; what describes a part may come many times."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[: MOST_PART_HEADER if name.lower().startswith("content-") else MOST_HEADER]


@dataclass(frozen=True, slots=True)
class File:
    """A part that is a file; `number` is its place in the mail's walk."""

    number: int
    mime_type: str
    name: str | None
    size: int
    content_id: str | None


def read(raw: bytes) -> Mail:
    """The mail, taken apart by the lenient rules: the strict ones raise on what strangers write into headers.

    Raises `RecursionError` for one whose parts lie too deep in one another.
    """
    return message_from_bytes(raw, policy=_ShortHeaders(message_factory=_Part))


def header(mail: Mail, name: str, limit: int = 1000) -> str:
    """A header's value, decoded, on one line; empty when it is not there."""
    value = mail.get(name)
    if value is None:
        return ""
    return " ".join(_decoded(str(value)).split())[:limit]


def addresses(mail: Mail, name: str) -> list[tuple[str, str]]:
    """The names and addresses in a header; the addresses in lower case."""
    pairs = getaddresses([header(mail, name, MOST_HEADER)])
    plain = [(display_name.strip(), address.strip().lower()) for display_name, address in pairs]
    return [(display_name, address) for display_name, address in plain if is_address(address)][:100]


def is_address(text: str) -> bool:
    """Whether a mail can be written to it; quoted local parts and address literals are left out."""
    return _ADDRESS.fullmatch(text) is not None


def _decoded(value: str) -> str:
    if value.count("=?") > MOST_ENCODED_WORDS:
        return _clean(value)
    try:
        pieces = decode_header(value)
    except (ValueError, LookupError):
        return _clean(value)
    return "".join(_piece(text, charset) for text, charset in pieces)


def _piece(text: bytes | str, charset: str | None) -> str:
    return _clean(text) if isinstance(text, str) else _text(text, charset)


def _text(content: bytes, charset: str | None) -> str:
    try:
        codec = codecs.lookup(charset or "utf-8").name
        return _clean(content.decode("utf-8" if codec in _NO_CHARSETS else codec, "replace"))
    except (LookupError, ValueError):  # a charset that nobody knows
        return _clean(content.decode("utf-8", "replace"))


def _clean(text: str) -> str:
    """What any store takes: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def body(mail: Mail) -> tuple[str, str | None]:
    """The text, and the HTML made safe where there is any; the text is the HTML's where there is none."""
    plain = _first(mail, "text/plain")
    rich = _first(mail, "text/html")
    text = plain if plain is not None else markup.text_of((rich or "")[: MOST_HTML * 2])
    return unquoted(text)[:MOST_TEXT].strip(), sanitised(rich) if rich else None


def _first(mail: Mail, mime_type: str) -> str | None:
    for part in _parts(mail):
        if part.get_content_type() == mime_type and not _is_file(part):
            return _text(content(part)[:_MOST_BYTES], part.get_content_charset())
    return None


def sanitised(rich: str) -> str | None:
    """HTML without scripts, styles, forms and anything that could act; None when nothing is left or it is too much."""
    import nh3  # noqa: PLC0415 - costs cold start, and most messages are no mail

    schemes = {"http", "https", "mailto", "tel", "cid"}
    short = markup.balanced(rich[: MOST_HTML * 2], frozenset(nh3.ALLOWED_TAGS))
    safe = nh3.clean(short, url_schemes=schemes, link_rel="noopener noreferrer nofollow")
    return safe if safe.strip() and len(safe) <= MOST_HTML else None


def unquoted(text: str) -> str:
    """The text without the older mail that is quoted below it."""
    lines = text.replace("\r\n", "\n").split("\n")
    end = len(lines)
    while end and (not lines[end - 1].strip() or lines[end - 1].startswith(">")):
        end -= 1
    if end == len(lines) or not any(line.startswith(">") for line in lines[end:]):
        return text.replace("\r\n", "\n")
    # The line that says who wrote what is quoted, folded or not.
    while end and lines[end - 1].rstrip().endswith(":") and len(lines[end - 1]) < 300:
        end -= 1
    unquoted_text = "\n".join(lines[:end]).strip()
    return unquoted_text or text.replace("\r\n", "\n")


def files(mail: Mail) -> list[File]:
    parts = [
        File(number, part.get_content_type(), _file_name(part), len(content(part)), _content_id(part))
        for number, part in enumerate(_parts(mail))
        if _is_file(part)
    ]
    return parts[:MOST_FILES]


def file_content(mail: Mail, number: int) -> bytes | None:
    """The content of the part at that place; None when there is none."""
    part = next((part for place, part in enumerate(_parts(mail)) if place == number), None)
    return content(part) if part is not None and _is_file(part) else None


def content(part: Mail) -> bytes:
    try:
        decoded = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        return b""
    return decoded if isinstance(decoded, bytes) else b""


def _parts(mail: Mail) -> Iterator[Mail]:
    return islice((part for part in mail.walk() if not part.is_multipart()), MOST_PARTS)


def _is_file(part: Mail) -> bool:
    if part.get_content_disposition() == "attachment" or part.get_filename():
        return True
    return part.get_content_maintype() not in ("text", "multipart", "message")


def _file_name(part: Mail) -> str | None:
    name = part.get_filename()
    return _decoded(str(name)).replace("/", "_").replace("\\", "_")[:255] if name else None


def _content_id(part: Mail) -> str | None:
    value = header(part, "Content-ID", 255).strip("<>")
    return value or None
