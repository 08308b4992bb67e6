"""The parts of a mail, and the files among them. Nothing in a stranger's mail may make it fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message as Mail
from email.policy import Compat32
from itertools import islice

from shared.channels.email_ses.headers import MOST_HEADER, decoded, header, raw

MOST_FILES, MOST_PARTS, MOST_DEEP = 100, 500, 20
MOST_PART_HEADER = 2_000
"""Characters of a header that describes a part."""

REPORTS = frozenset({"delivery-status", "disposition-notification", "global-delivery-status"})
_SHOWN = frozenset({"text/plain", "text/html"})
_NAMES = {"text/calendar": "invite.ics", "text/vcard": "contact.vcf", "text/x-vcard": "contact.vcf"}


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
    """A part that is a file, or a mail attached to this one; `number` is its position among the parts."""

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


def files(mail: Mail) -> list[File]:
    """The files of a mail, the first `MOST_FILES` of them."""
    parts = (
        File(number, part.get_content_type(), _file_name(part), len(content(part)), _content_id(part))
        for number, part in enumerate(flat(mail))
        if is_file(part)
    )
    return list(islice(parts, MOST_FILES))


def missing_files(mail: Mail) -> int:
    """How many files of the mail are more than are kept."""
    return max(0, sum(map(is_file, flat(mail))) - MOST_FILES)


def file_content(mail: Mail, number: int) -> bytes | None:
    """The content of the part at that position, of an attached mail all of it; None when there is none."""
    part = next((part for position, part in enumerate(flat(mail)) if position == number), None)
    return content(part) if part is not None and is_file(part) else None


def content(part: Mail) -> bytes:
    """What the part holds, decoded; empty where it cannot be."""
    try:
        if part.get_content_maintype() == "message":
            return b"".join(child.as_bytes() for child in children(part) if isinstance(child, Mail))
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError, TypeError):
        return b""
    return payload if isinstance(payload, bytes) else b""


def children(part: Mail) -> list[object]:
    payload = part.get_payload()
    return list(payload) if isinstance(payload, list) else []


def flat(mail: Mail) -> Iterator[Mail]:
    """The first `MOST_PARTS` parts that hold no others; a mail attached to this one is one part."""
    return islice(_walk(mail), MOST_PARTS)


def _walk(part: Mail) -> Iterator[Mail]:
    if part.get_content_maintype() == "message" or not part.is_multipart():
        yield part
        return
    for child in children(part):
        if isinstance(child, Mail):
            yield from _walk(child)


def is_file(part: Mail) -> bool:
    if part.get_content_maintype() == "message":
        return part.get_content_subtype() not in REPORTS
    if part.get_content_disposition() == "attachment" or part.get_filename():
        return not is_named_text(part)
    return part.get_content_type() not in _SHOWN


def is_named_text(part: Mail) -> bool:
    """Some programs give the text itself a name; it is shown, and not attached."""
    return part.get_content_type() == "text/plain" and part.get_content_disposition() == "inline"


def _file_name(part: Mail) -> str | None:
    name = _described(part).get_filename()
    if name is None and part.get_content_type() == "message/rfc822":
        subject = next((header(child, "Subject", 100) for child in children(part) if isinstance(child, Mail)), "")
        name = f"{subject or 'mail'}.eml"
    name = name or _NAMES.get(part.get_content_type())
    return decoded(str(name)).replace("/", "_").replace("\\", "_")[:255] if name else None


def _described(part: Mail) -> Mail:
    """What describes the part, with a name that came as bytes in readable characters."""
    description = Mail(policy=_ShortHeaders())
    for name in ("Content-Type", "Content-Disposition"):
        if value := raw(part, name):
            description[name] = " ".join(value.split())
    return description


def _content_id(part: Mail) -> str | None:
    value = header(part, "Content-ID", 255).strip("<>")
    return value or None
