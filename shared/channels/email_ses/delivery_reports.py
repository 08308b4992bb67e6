"""What mail servers tell of mails that they could not deliver (RFC 3464)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message as Mail

from shared.channels.email_ses import parts
from shared.channels.email_ses.headers import header, is_address


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


def _recipients(mail: Mail) -> Iterator[Mail]:
    """The blocks of headers that each tell of one recipient."""
    for part in parts.flat(mail):
        if part.get_content_subtype() in parts.REPORTS:
            yield from (block for block in parts.children(part) if isinstance(block, Mail))
