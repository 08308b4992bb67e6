"""A mail that came: whose it is, which thread it belongs to, and whether anybody is to answer it."""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Mapping
from dataclasses import replace
from email.message import Message as Mail
from typing import Any

from shared.channels.email_ses import mime, threads
from shared.channels.email_ses.config import PROVIDER
from shared.channels.email_ses.notifications import Action, Received, read_received
from shared.domain.inbound import ChannelEvent, MessageReceived, OutsidersChat, Sender
from shared.domain.messages import Attachment, MessageKind
from shared.errors import PayloadInvalid

log = logging.getLogger(__name__)

_KINDS = {"image": MessageKind.IMAGE, "audio": MessageKind.AUDIO, "video": MessageKind.VIDEO}
_BULK = frozenset({"bulk", "list", "junk", "auto_reply"})


def parse(payload: Mapping[str, Any]) -> list[ChannelEvent]:
    """The message in a notification of a received mail; none for a virus. Raises `PayloadInvalid`."""
    received = read_received(payload)
    if received.receipt.virusVerdict.status == "FAIL":
        log.warning("a mail with a virus is not stored", extra={"provider": PROVIDER, "mail": received.mail.messageId})
        return []
    try:
        return [_message(received, mime.read(raw(received)))]
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


def _message(received: Received, mail: Mail) -> MessageReceived:
    name, address, verified = _author(received, mail)
    message_id = next(iter(threads.ids(mime.header(mail, "Message-ID"))), f"<{received.mail.messageId}@ses>")
    references = _references(mail)
    thread = threads.thread_of(
        received.receipt.recipients, references, message_id, received.thread_key, received.reply_domain
    )
    text, rich = mime.body(mail)
    attachments = _attachments(received, mail)
    if not verified:
        # Whoever may be somebody else has threads of their own, beside those of who certainly is that person.
        thread = threads.name(thread, address, received.receipt.dmarcVerdict.status)
    direct = thread == threads.DIRECT
    message = MessageReceived(
        external_message_id=received.mail.messageId,
        external_conversation_id=address if direct else f"thread:{thread}",
        chat_key=address if direct else f"thread:{thread}",
        sender=Sender(external_user_id=address, keys=(address,), name=name or None, email=address),
        kind=MessageKind.TEXT if text or not attachments else attachments[0].type,
        text=text or None,
        attachments=attachments,
        sent_at=received.mail.timestamp,
        is_thread=not direct,
        for_people=_needs_no_answer(received, mail),
        reply_to=references[-1] if references else None,
        extra=_extra(received, mail, rich) | ({} if verified else {"verified": False}),
        context=_context(mail, message_id, references, thread, address, verified),
    )
    return message if direct or not verified else replace(message, outsiders_chat=_beside(thread, address))


def _beside(thread: str, address: str) -> OutsidersChat:
    """The thread that begins where somebody writes into another customer's."""
    own = threads.name(thread, address)
    return OutsidersChat(address=f"thread:{own}", context={"thread": own})


def _author(received: Received, mail: Mail) -> tuple[str, str, bool]:
    """Name and address of who wrote, and whether the owner of the address's domain vouches for it.

    DMARC judges one author: of several none is the one that was judged for sure.
    """
    authors = mime.addresses(mail, "From")
    author = next(iter(authors), None)
    verified = received.receipt.dmarcVerdict.status == "PASS" and len(authors) == len(mail.get_all("From", [])) == 1
    source = received.mail.source.strip().lower()
    if author is None and mime.is_address(source):
        author = ("", source)
    if author is None:
        raise PayloadInvalid(f"{PROVIDER}: the mail does not say who wrote it")
    return author[0][:200], author[1], verified


def _references(mail: Mail) -> list[str]:
    ids = threads.ids(mime.header(mail, "References", mime.MOST_HEADER))
    parent = threads.ids(mime.header(mail, "In-Reply-To"))
    return ids or parent[:1]


def _needs_no_answer(received: Received, mail: Mail) -> bool:
    """What a machine wrote, and what is no mail of whom it says: answering would loop, or hit somebody else.

    RFC 3834 section 2, and the older signs that its section 3 lists.
    """
    automatic = mime.header(mail, "Auto-Submitted").lower()
    if automatic and automatic.partition(";")[0].strip() != "no":
        return True
    if mime.header(mail, "Precedence").lower() in _BULK or mail.get("List-Id") is not None:
        return True
    if mail.get("X-Autoreply") is not None or mail.get("X-Autorespond") is not None:
        return True
    if mime.header(mail, "Return-Path") == "<>" or received.mail.source.lower().startswith("mailer-daemon@"):
        return True
    return "FAIL" in (received.receipt.spamVerdict.status, received.receipt.dmarcVerdict.status)


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
        for file in mime.files(mail)
    )


def _place(file: mime.File, action: Action) -> dict[str, Any]:
    return {
        "part": file.number,
        "bucket": action.bucketName,
        "key": action.objectKey,
        "content_id": file.content_id,
    }


def _extra(received: Received, mail: Mail, rich: str | None) -> dict[str, Any]:
    receipt = received.receipt
    verdicts = {
        "spam": receipt.spamVerdict.status,
        "spf": receipt.spfVerdict.status,
        "dkim": receipt.dkimVerdict.status,
        "dmarc": receipt.dmarcVerdict.status,
    }
    extra: dict[str, Any] = {
        "subject": mime.header(mail, "Subject"),
        "to": [address for _, address in mime.addresses(mail, "To")],
        "cc": [address for _, address in mime.addresses(mail, "Cc")],
        "html": rich,
        "verdicts": {name: verdict for name, verdict in verdicts.items() if verdict},
    }
    return {name: value for name, value in extra.items() if value}


def _context(
    mail: Mail, message_id: str, references: list[str], thread: str, address: str, verified: bool
) -> dict[str, Any]:
    """What an answer needs so that the customer's program shows it in the same thread.

    Only who certainly wrote it may have the answer sent to another address.
    """
    reply_to = mime.addresses(mail, "Reply-To") if verified else []
    answer_to = next((to for _, to in reply_to), address)
    return {
        "message_id": message_id,
        "references": [*references, message_id][-threads.MOST_REFERENCES :],
        "subject": mime.header(mail, "Subject", 500),
        "thread": thread,
        "to": answer_to,
    }
