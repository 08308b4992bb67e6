"""A mail that came: whose it is, which thread it belongs to, and whether anybody is to answer it."""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from email.message import Message as Mail
from typing import Any

from shared.channels.email_ses import bodies, delivery_reports, headers, parts, threads
from shared.channels.email_ses.config import PROVIDER
from shared.channels.email_ses.notifications import Action, Received, read_received
from shared.domain.content import Content
from shared.domain.inbound import ChannelEvent, MessageReceived, OutsidersChat, Receipt, Sender
from shared.domain.messages import Attachment, MessageKind, MessageStatus
from shared.errors import PayloadInvalid

log = logging.getLogger(__name__)

_MACHINE = re.compile(
    r"(?:do[._-]?not[._-]?|no[._-]?)reply(?:[._+-].*)?|mailer-daemon|postmaster|bounces?(?:[._+-].*)?|"
    r"forms?|contact-?form|website|web|wordpress|notifications?|alerts?|mailer|robot|bot"
)
_KINDS = {"image": MessageKind.IMAGE, "audio": MessageKind.AUDIO, "video": MessageKind.VIDEO}
MOST_CC = 20
"""Whom an answer goes to beside the customer, at most."""

_BULK = frozenset({"bulk", "list", "junk", "auto_reply"})


def parse(payload: Mapping[str, Any]) -> list[ChannelEvent]:
    """The message in a notification of a received mail; none for a virus. Raises `PayloadInvalid`."""
    received = read_received(payload)
    if received.receipt.virusVerdict.status == "FAIL":
        log.warning("a mail with a virus is not stored", extra={"provider": PROVIDER, "mail": received.mail.messageId})
        return []
    try:
        mail = parts.read(raw(received))
        report = delivery_reports.delivery_report(mail)
        return [_message(received, mail)] if report is None else _undelivered(received, mail, report)
    except RecursionError:
        raise PayloadInvalid(f"{PROVIDER}: parts, comments or groups of the mail are nested too deep") from None


def raw(received: Received) -> bytes:
    """The mail's bytes: fetched before, or in the notification itself as one of the two encodings of the SNS action."""
    if received.mime is not None:
        return received.mime
    if received.content is None:
        raise PayloadInvalid(f"{PROVIDER}: the notification has no mail: use the S3 action, or SNS with its content")
    if received.receipt.action.encoding != "BASE64":
        return received.content.encode("utf-8", "replace")
    try:
        return base64.b64decode(received.content)
    except (binascii.Error, ValueError):
        raise PayloadInvalid(f"{PROVIDER}: `content` is not base64") from None


def _undelivered(received: Received, mail: Mail, report: delivery_reports.DeliveryReport) -> list[ChannelEvent]:
    """A mail of ours did not arrive: the message that the report answers died, and people read why in its thread.

    Nothing else of the report is believed, for anybody could have written it: whoever did had that mail, or made it up.
    """
    ids = delivery_reports.reported_ids(mail)
    thread = threads.reported_thread(ids, report.recipient, received.thread_key)
    error = f"not delivered to {report.recipient}: {report.reason}"
    text, note_id = f"The mail was {error}", received.mail.messageId
    mail_id = next((id_ for id_ in ids if id_.endswith("amazonses.com>")), None)
    events: list[ChannelEvent] = []
    if mail_id is not None:
        ses_id = mail_id[1:].partition("@")[0]
        events.append(
            Receipt(external_message_id=ses_id, status=MessageStatus.DEAD, error=error, note=text, note_id=note_id)
        )
    if thread is None:
        return events
    chat = report.recipient if thread == threads.DIRECT else f"thread:{thread}"
    note = MessageReceived(
        external_message_id=note_id,
        external_conversation_id=chat,
        chat_key=chat,
        sender=Sender(external_user_id=report.recipient, keys=(report.recipient,), email=report.recipient),
        kind=MessageKind.TEXT,
        text=text,
        sent_at=received.mail.timestamp,
        is_thread=thread != threads.DIRECT,
        is_note=True,
        if_known=True,
    )
    return [*events, note]


def _message(received: Received, mail: Mail) -> MessageReceived:
    name, address, verified = _author(received, mail)
    message_id = next(iter(threads.ids(headers.header(mail, "Message-ID"))), f"<{received.mail.messageId}@ses>")
    references = _references(mail)
    thread = threads.thread_of(
        received.receipt.recipients, references, message_id, received.thread_key, received.reply_domain
    )
    if not verified:
        # Whoever may be somebody else has threads of their own, beside those of who certainly is that person.
        thread = threads.name(thread, address, received.receipt.dmarcVerdict.status)
    if verified and address == received.own_address:
        return _placed(received, mail, thread, _written_to(received, mail), message_id, is_own=True)
    nobody_waits, for_people = _fate(received, mail, address)
    message = replace(
        _placed(received, mail, thread, (name, address), _id(received, message_id, address, verified=verified)),
        for_people=for_people,
        nobody_waits=nobody_waits,
        not_routed=nobody_waits,
        extra=_extra(received, mail) | ({} if verified else {"verified": False}),
        context=_context(received, mail, message_id, references, thread, address, verified),
    )
    is_direct = thread == threads.DIRECT
    return message if is_direct or not verified else replace(message, outsiders_chat=_beside(thread, address))


def _placed(
    received: Received, mail: Mail, thread: str, customer: tuple[str, str], id_: str, *, is_own: bool = False
) -> MessageReceived:
    """The mail as a message of the customer's, or with `is_own` of the business's to them, in its thread."""
    name, address = customer
    references = _references(mail)
    text, rich = bodies.body(mail, is_answer=bool(references))
    content, attachments = _content(mail, rich), _attachments(received, mail)
    is_direct = thread == threads.DIRECT
    chat = address if is_direct else f"thread:{thread}"
    return MessageReceived(
        external_message_id=id_,
        external_conversation_id=chat,
        chat_key=chat,
        sender=Sender(external_user_id=address, keys=(address,), name=name or None, email=address),
        kind=MessageKind.TEXT if text or not attachments else attachments[0].type,
        text=text or (None if attachments else content.subject),
        attachments=attachments,
        sent_at=received.mail.timestamp,
        from_me=is_own,
        is_thread=not is_direct,
        reply_to=references[-1] if references else None,
        content=content,
        extra=_extra(received, mail),
    )


def _written_to(received: Received, mail: Mail) -> tuple[str, str]:
    """Whom the business wrote to with another program, when a copy of that comes to it."""
    people = [*headers.addresses(mail, "To"), *headers.addresses(mail, "Cc")]
    return next((person for person in people if person[1] != received.own_address), ("", received.own_address or ""))


def _id(received: Received, message_id: str, address: str, *, verified: bool) -> str:
    """The mail's own id, so that one mail that comes by two ways is one message.

    Who may be somebody else cannot take the id of another's mail.
    """
    return message_id if verified else f"{message_id} {address} {received.receipt.dmarcVerdict.status}"


def _beside(thread: str, address: str) -> OutsidersChat:
    """The thread that begins where somebody writes into another customer's."""
    own = threads.name(thread, address)
    return OutsidersChat(address=f"thread:{own}", context={"thread": own})


def _author(received: Received, mail: Mail) -> tuple[str, str, bool]:
    """Name and address of who wrote, and whether the owner of the address's domain vouches for it.

    DMARC judges one author: of several none is the one that was judged for sure.
    """
    authors = headers.addresses(mail, "From")
    author = next(iter(authors), None)
    verified = received.receipt.dmarcVerdict.status == "PASS" and len(authors) == len(mail.get_all("From", [])) == 1
    source = received.mail.source.strip().lower()
    if author is None and headers.is_address(source):
        author = ("", source)
    if author is None:
        raise PayloadInvalid(f"{PROVIDER}: the mail does not say who wrote it")
    behind = _person_behind(mail, author) if verified else None
    # Whoever passes a mail on says who wrote it; nobody has proved that.
    name, address = behind or author
    return name[:200], address, verified and behind is None


def _person_behind(mail: Mail, author: tuple[str, str]) -> tuple[str, str] | None:
    """Who wrote what a mailing list or a form on a page has passed on; None where the author themselves did."""
    replies = headers.addresses(mail, "Reply-To")
    if _is_list(mail):
        original = headers.addresses(mail, "X-Original-Sender") or headers.addresses(mail, "X-Original-From")
        written_by = next(iter(original), None) or (replies[0] if len(replies) == 1 else None)
        if written_by is None or written_by[1] == author[1]:
            return None
        named = next((name for name, address in replies if address == written_by[1] and name), "")
        return (written_by[0] or named, written_by[1])
    if len(replies) != 1 or replies[0][1].rpartition("@")[2] == author[1].rpartition("@")[2]:
        return None
    name, address = replies[0]
    is_another = bool(name) and name.casefold() != author[0].casefold()
    return (name, address) if is_another or is_machine(author[1]) else None


def is_machine(address: str) -> bool:
    """Whether programs, and no people, write from such an address."""
    return _MACHINE.fullmatch(address.partition("@")[0]) is not None


def _is_list(mail: Mail) -> bool:
    return mail.get("List-Id") is not None or headers.header(mail, "Precedence").lower() == "list"


def _references(mail: Mail) -> list[str]:
    ids = threads.ids(headers.header(mail, "References", headers.MOST_HEADER))
    parent = threads.ids(headers.header(mail, "In-Reply-To"))
    return ids or parent[:1]


def _fate(received: Received, mail: Mail, address: str) -> tuple[bool, bool]:
    """Whether nobody waits for an answer, and whether no machine may answer.

    Nobody waits behind an out-of-office note or a mail server's report. What a machine or a list sends, and what may be
    no mail of whom it says, waits for people: answering it would loop, or hit somebody else. RFC 3834 section 2, and
    the older signs that its section 3 lists.
    """
    automatic = headers.header(mail, "Auto-Submitted").lower().partition(";")[0].strip()
    is_reply = automatic == "auto-replied" or headers.header(mail, "Precedence").lower() == "auto_reply"
    is_reply = is_reply or any(mail.get(name) is not None for name in ("X-Autoreply", "X-Autorespond"))
    is_report = headers.header(mail, "Return-Path") == "<>" or received.mail.source.lower().startswith("mailer-daemon@")
    if is_reply or is_report:
        return True, True
    suppresses = headers.header(mail, "X-Auto-Response-Suppress").lower() not in ("", "none")
    verdicts = (received.receipt.spamVerdict.status, received.receipt.dmarcVerdict.status)
    by_machine = automatic not in ("", "no") or is_machine(address) or suppresses
    in_bulk = headers.header(mail, "Precedence").lower() in _BULK or mail.get("List-Id") is not None
    return False, by_machine or in_bulk or "FAIL" in verdicts


def _attachments(received: Received, mail: Mail) -> tuple[Attachment, ...]:
    action = received.receipt.action
    return tuple(
        Attachment(
            type=_KINDS.get(file.mime_type.partition("/")[0], MessageKind.DOCUMENT),
            mime_type=file.mime_type[:200],
            file_name=file.name,
            size=file.size,
            extra={name: value for name, value in _place(file, action).items() if value is not None},
        )
        for file in parts.files(mail)
    )


def _place(file: parts.File, action: Action) -> dict[str, Any]:
    return {
        "part": file.number,
        "bucket": action.bucketName,
        "key": action.objectKey,
        "content_id": file.content_id,
    }


def _content(mail: Mail, rich: str | None) -> Content:
    missing = parts.missing_files(mail)
    return Content(
        subject=headers.header(mail, "Subject") or None,
        html=rich,
        cc=[address for _, address in headers.addresses(mail, "Cc")],
        unsupported=f"{missing} more files" if missing else None,
    )


def _extra(received: Received, mail: Mail) -> dict[str, Any]:
    receipt = received.receipt
    verdicts = {
        "spam": receipt.spamVerdict.status,
        "spf": receipt.spfVerdict.status,
        "dkim": receipt.dkimVerdict.status,
        "dmarc": receipt.dmarcVerdict.status,
    }
    extra: dict[str, Any] = {
        "to": [address for _, address in headers.addresses(mail, "To")],
        "verdicts": {name: verdict for name, verdict in verdicts.items() if verdict},
    }
    return {name: value for name, value in extra.items() if value}


def _context(
    received: Received, mail: Mail, message_id: str, references: list[str], thread: str, address: str, verified: bool
) -> dict[str, Any]:
    """What an answer needs so that the customer's program shows it in the same thread.

    Only who certainly wrote it may have the answer sent to another address.
    """
    reply_to = headers.addresses(mail, "Reply-To") if verified else []
    answer_to = next((to for _, to in reply_to), address)
    return {
        "message_id": message_id,
        "references": [*references, message_id][-threads.MOST_REFERENCES :],
        "subject": headers.header(mail, "Subject", 500),
        "thread": thread,
        "to": answer_to,
        "cc": _others(received, mail, {address, answer_to}) if verified else [],
    }


def _others(received: Received, mail: Mail, answered: Collection[str]) -> list[str]:
    """Whom else the mail went to, without the business's own addresses."""
    own = {received.own_address, *(recipient.lower() for recipient in received.receipt.recipients)}
    people = [*headers.addresses(mail, "To"), *headers.addresses(mail, "Cc")]
    others = dict.fromkeys(address for _, address in people if address not in own and address not in answered)
    return list(others)[:MOST_CC]
