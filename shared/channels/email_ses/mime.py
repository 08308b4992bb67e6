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

MOST_TEXT, MOST_HTML, MOST_FILES, MOST_PARTS, MOST_DEEP = 100_000, 200_000, 100, 500, 20
MOST_HEADER, MOST_PART_HEADER, MOST_ENCODED_WORDS = 10_000, 2_000, 300
"""Characters of a header that are read, of one that describes a part, and the encoded words up to which are decoded.

The library's ways of taking a header apart cost the square of its length.
"""

# Four bytes make a character at most; what is cut off before decoding is never shown.
_MOST_BYTES = 8 * MOST_HTML

_ADDRESS = re.compile(r"[^@\s<>\"(),:;\\\[\]]{1,64}@[A-Za-z0-9.-]{1,255}")
# Decoding these costs the square of the length, and nobody writes a mail in them.
_NO_CHARSETS = frozenset({"idna", "punycode"})
# What mail programs call charsets that Python knows by another name, or whose newer form holds what they write.
_CHARSETS = {
    "iso-8859-6-e": "iso-8859-6",
    "iso-8859-6-i": "iso-8859-6",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-8-i": "iso-8859-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "windows-874": "cp874",
    "windows-31j": "cp932",
    "unicode-1-1-utf-7": "utf-7",
}
# What programs write that do not know what they write.
_WESTERN = frozenset({"ascii", "iso8859-1", "cp1252"})
_META_CHARSET = re.compile(rb"<meta[^<>]{0,200}charset=[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_MOST_META = 4_096


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
    """A part that is a file, or a mail attached to this one; `number` is its place among the parts."""

    number: int
    mime_type: str
    name: str | None
    size: int
    content_id: str | None


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """That a mail did not reach `recipient`, with the mail server's reason."""

    recipient: str
    reason: str


def read(raw: bytes) -> Mail:
    """The mail, taken apart by the lenient rules: the strict ones raise on what strangers write into headers.

    Raises `RecursionError` for one whose parts lie too deep in one another.
    """
    return message_from_bytes(raw, policy=_ShortHeaders(message_factory=_Part))


def header(mail: Mail, name: str, limit: int = 1000) -> str:
    """A header's value, decoded, on one line; empty when it is not there."""
    return " ".join(_decoded(_raw(mail, name)).split())[:limit]


def _raw(mail: Mail, name: str) -> str:
    """A header's value as it is written; what came as bytes, though headers are ASCII, in the charset that it is in."""
    value = next((str(value) for each, value in mail.raw_items() if each.lower() == name.lower()), "")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # the library keeps such bytes as half characters
        return _text(value.encode("utf-8", "surrogateescape"), None)
    return value


def addresses(mail: Mail, name: str) -> list[tuple[str, str]]:
    """The names and addresses in a header; the addresses in lower case.

    They are told apart before encoded words are decoded: an address or a comma inside one belongs to a name.
    """
    pairs = getaddresses([" ".join(_raw(mail, name).split())[:MOST_HEADER]])
    plain = [(" ".join(_decoded(display_name).split()), address.strip().lower()) for display_name, address in pairs]
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
    """The text in its charset. Where that is missing or wrong, it is UTF-8 if it can be, else Windows' western one."""
    codec = _codec(charset)
    guesses = ["utf-8", codec] if codec is None or codec in _WESTERN else [codec, "utf-8"]
    for guess in guesses:
        try:
            return _clean(content.decode(guess)) if guess else _clean(content.decode("cp1252"))
        except (LookupError, ValueError):
            continue
    return _clean(content.decode(codec if codec and codec not in _WESTERN else "cp1252", "replace"))


def _codec(charset: str | None) -> str | None:
    name = (charset or "").strip().lower()
    try:
        codec = codecs.lookup(_CHARSETS.get(name, name)).name if name else None
    except (LookupError, ValueError):  # a charset that nobody knows
        return None
    return None if codec in _NO_CHARSETS else codec


def _clean(text: str) -> str:
    """What any store takes: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def body(mail: Mail, *, is_answer: bool) -> tuple[str, str | None]:
    """The text of all parts in their order, and the HTML made safe where there is any.

    Of alternatives the text is taken, or the HTML's words where there is none. What is quoted is cut from an answer
    alone: elsewhere it is what the customer means.
    """
    parts = list(_body_parts(mail, MOST_PARTS))
    rich = "\n".join(rich for _, rich in parts if rich)[: MOST_HTML * 2]
    text = "\n\n".join(text.strip() for text, _ in parts if text.strip())
    text = unquoted(text) if is_answer else text.replace("\r\n", "\n")
    return text[:MOST_TEXT].strip(), sanitised(rich) if rich.strip() else None


def _body_parts(part: Mail, most: int) -> Iterator[tuple[str, str | None]]:
    """Text and HTML of each part that is to be read, one after the other."""
    if part.get_content_maintype() == "message":
        return
    if not part.is_multipart():
        if not _is_file(part) or _is_named_text(part):
            yield _as_read(part)
        return
    children = [child for child in _children(part)[:most] if isinstance(child, Mail)]
    if part.get_content_subtype() == "alternative":
        yield from _best(children, most)
        return
    for child in children:
        yield from _body_parts(child, most)


def _best(children: list[Mail], most: int) -> Iterator[tuple[str, str | None]]:
    """One of the alternatives: its words from the first that has some, its looks from the last that has some."""
    alternatives = [list(_body_parts(child, most)) for child in children]
    texts = ("\n\n".join(text for text, _ in pieces if text.strip()) for pieces in alternatives)
    looks = ["\n".join(rich for _, rich in pieces if rich) for pieces in alternatives]
    rich = next((rich for rich in reversed(looks) if rich), None)
    yield next((text for text in texts if text.strip()), ""), rich


def _as_read(part: Mail) -> tuple[str, str | None]:
    content_type, raw_text = part.get_content_type(), content(part)[:_MOST_BYTES]
    if content_type not in ("text/plain", "text/html"):
        return "", None
    if content_type == "text/plain":
        return _text(raw_text, part.get_content_charset()), None
    rich = _text(raw_text, part.get_content_charset() or _meta_charset(raw_text))
    return markup.text_of(rich[: MOST_HTML * 2]), rich


def _meta_charset(raw_text: bytes) -> str | None:
    match = _META_CHARSET.search(raw_text[:_MOST_META])
    return match[1].decode("ascii", "replace") if match else None


def _children(part: Mail) -> list[object]:
    payload = part.get_payload()
    return list(payload) if isinstance(payload, list) else []


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


def missing_files(mail: Mail) -> int:
    """How many files of the mail are more than are kept."""
    return max(0, sum(map(_is_file, _parts(mail))) - MOST_FILES)


def file_content(mail: Mail, number: int) -> bytes | None:
    """The content of the part at that place, of an attached mail all of it; None when there is none."""
    part = next((part for place, part in enumerate(_parts(mail)) if place == number), None)
    return content(part) if part is not None and _is_file(part) else None


def content(part: Mail) -> bytes:
    try:
        if part.get_content_maintype() == "message":
            return b"".join(child.as_bytes() for child in _children(part) if isinstance(child, Mail))
        decoded = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError, TypeError):
        return b""
    return decoded if isinstance(decoded, bytes) else b""


def _parts(mail: Mail) -> Iterator[Mail]:
    return islice(_walk(mail), MOST_PARTS)


def _walk(part: Mail) -> Iterator[Mail]:
    """The parts that are no containers; a mail attached to this one is one part."""
    if part.get_content_maintype() == "message" or not part.is_multipart():
        yield part
        return
    for child in _children(part):
        if isinstance(child, Mail):
            yield from _walk(child)


def _is_file(part: Mail) -> bool:
    if part.get_content_maintype() == "message":
        return part.get_content_subtype() not in _REPORTS
    if part.get_content_disposition() == "attachment" or part.get_filename():
        return not _is_named_text(part)
    return part.get_content_type() not in _SHOWN


def _is_named_text(part: Mail) -> bool:
    """Some programs give the text itself a name; it is shown, and not attached."""
    return part.get_content_type() == "text/plain" and part.get_content_disposition() == "inline"


_REPORTS = frozenset({"delivery-status", "disposition-notification", "global-delivery-status"})
_SHOWN = frozenset({"text/plain", "text/html"})
_NAMES = {"text/calendar": "invite.ics", "text/vcard": "contact.vcf", "text/x-vcard": "contact.vcf"}


def _file_name(part: Mail) -> str | None:
    name = _described(part).get_filename()
    if name is None and part.get_content_type() == "message/rfc822":
        subject = next((header(child, "Subject", 100) for child in _children(part) if isinstance(child, Mail)), "")
        name = f"{subject or 'mail'}.eml"
    name = name or _NAMES.get(part.get_content_type())
    return _decoded(str(name)).replace("/", "_").replace("\\", "_")[:255] if name else None


def _described(part: Mail) -> Mail:
    """What describes the part, with a name that came as bytes in readable characters."""
    description = Mail(policy=_ShortHeaders())
    for name in ("Content-Type", "Content-Disposition"):
        if value := _raw(part, name):
            description[name] = " ".join(value.split())
    return description


def delivery_report(mail: Mail) -> DeliveryReport | None:
    """What a mail server tells of a mail that it could not deliver (RFC 3464); None for any other mail."""
    if mail.get_content_type() != "multipart/report" or mail.get_param("report-type") != "delivery-status":
        return None
    for part in _parts(mail):
        if part.get_content_subtype() not in _REPORTS:
            continue
        for block in _children(part):
            if isinstance(block, Mail) and header(block, "Action").lower() == "failed":
                recipient = header(block, "Final-Recipient").rpartition(";")[2].strip().lower()
                reason = header(block, "Diagnostic-Code").partition(";")[2].strip() or header(block, "Status")
                return DeliveryReport(recipient, reason[:300] or "no reason given") if is_address(recipient) else None
    return None


def _content_id(part: Mail) -> str | None:
    value = header(part, "Content-ID", 255).strip("<>")
    return value or None
