"""What mail servers tell of mails that they could not deliver (RFC 3464)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message as Mail

from shared.channels.email_ses import parts, threads
from shared.channels.email_ses.headers import MOST_HEADER, header, is_address


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """That a mail did not reach `recipient`, with the mail server's reason."""

    recipient: str
    reason: str


def delivery_report(mail: Mail) -> DeliveryReport | None:
    """What a report tells of the first mail that failed; None for any other mail."""
    if mail.get_content_type() != "multipart/report" or mail.get_param("report-type") != "delivery-status":
        return None
    for block in _recipients(mail):
        if header(block, "Action").lower() == "failed":
            recipient = header(block, "Final-Recipient").rpartition(";")[2].strip().lower()
            reason = header(block, "Diagnostic-Code").partition(";")[2].strip() or header(block, "Status")
            return DeliveryReport(recipient, reason[:300] or "no reason given") if is_address(recipient) else None
    return None


def reported_ids(mail: Mail) -> list[str]:
    """The ids that a report names, first that of the mail it is about, then of those before it.

    The mail's own headers come with most reports. In `References` the parent is the last (RFC 5322 section 3.6.4).
    """
    returned = next(filter(None, map(_returned, parts.flat(mail))), None)
    own = _ids(returned, "Message-ID") if returned is not None else []
    before = [*_ids(returned, "References")[::-1], *_ids(returned, "In-Reply-To")] if returned is not None else []
    answered = [*_ids(mail, "In-Reply-To"), *_ids(mail, "References")[::-1]]
    return list(dict.fromkeys([*own, *answered, *before]))


def _returned(part: Mail) -> Mail | None:
    """The mail that a part of a report returns, or its headers alone (RFC 6522 section 3)."""
    kind = part.get_content_type()
    if kind in ("message/rfc822", "message/global"):
        return next((child for child in parts.children(part) if isinstance(child, Mail)), None)
    if kind in ("text/rfc822-headers", "message/rfc822-headers", "message/global-headers"):
        return parts.read(parts.content(part))
    return None


def _ids(mail: Mail, name: str) -> list[str]:
    return threads.ids(header(mail, name, MOST_HEADER))


def _recipients(mail: Mail) -> Iterator[Mail]:
    """The blocks of headers that each tell of one recipient."""
    for part in parts.flat(mail):
        if part.get_content_subtype() in parts.REPORTS:
            yield from (block for block in parts.children(part) if isinstance(block, Mail))
