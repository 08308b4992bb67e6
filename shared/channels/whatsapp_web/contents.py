"""What is sent, in the JSON of WhatsApp's protocol buffers (`waE2E.Message`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channel.media import Media
from shared.channelkit import jid
from shared.channels.whatsapp_web.gateway import PROVIDER
from shared.domain.content import Poll
from shared.domain.messages import Attachment, Message, MessageKind, phones
from shared.domain.outbox import OutboxPayload, ReactionTo
from shared.errors import ProviderRejected

Quote = Mapping[str, Any]
"""The `contextInfo` of a message that quotes another one; empty for one that does not."""

FILES = {
    MessageKind.IMAGE: ("imageMessage", "image/jpeg"),
    MessageKind.VIDEO: ("videoMessage", "video/mp4"),
    MessageKind.AUDIO: ("audioMessage", "audio/ogg; codecs=opus"),
    MessageKind.DOCUMENT: ("documentMessage", "application/octet-stream"),
    MessageKind.STICKER: ("stickerMessage", "image/webp"),
}
"""The name of each kind of file, and the type of one that says none."""

WITHOUT_CAPTION = frozenset({MessageKind.AUDIO, MessageKind.STICKER, MessageKind.LOCATION, MessageKind.CONTACT})
_OPUS = "audio/ogg"
"""The only recordings that every phone plays as voice notes."""


def text(body: str | None, quote: Quote) -> dict[str, Any]:
    """Raises `ProviderRejected` where there are none."""
    if not (body or "").strip():
        raise ProviderRejected(PROVIDER, "there is nothing to send: no text, and no attachment that WhatsApp takes")
    return {"extendedTextMessage": {"text": body, **quote}} if quote else {"conversation": body}


def chat_of(payload: OutboxPayload) -> str:
    """The chat as WhatsApp named it with the customer's latest message: by their number, or by a hidden id."""
    chat = payload.context.get("chat")
    return chat if isinstance(chat, str) else jid.bare(payload.to)


def key(payload: OutboxPayload, external_message_id: str, *, from_me: bool = True) -> dict[str, Any]:
    """How WhatsApp names a message of the chat."""
    return {"remoteJid": chat_of(payload), "fromMe": from_me, "id": external_message_id}


def reaction(payload: OutboxPayload, to: ReactionTo, author: str | None) -> dict[str, Any]:
    """A reaction to a message, of which a group wants to know the author."""
    message_key = key(payload, to.external_message_id, from_me=to.from_me)
    if author is not None and jid.is_group(chat_of(payload)):
        message_key["participant"] = author
    return {"reactionMessage": {"key": message_key, "text": to.emoji}}


def poll(question: Poll, quote: Quote) -> dict[str, Any]:
    """For WhatsApp 0 is no limit of votes."""
    options = [{"optionName": option} for option in question.options]
    most = 0 if question.multiple else 1
    return {
        "pollCreationMessage": {"name": question.question, "options": options, "selectableOptionsCount": most, **quote}
    }


def without_file(attachment: Attachment, quote: Quote) -> dict[str, Any] | None:
    """A place or a contact's card; None for what is neither."""
    if attachment.type is MessageKind.LOCATION and attachment.latitude is not None and attachment.longitude is not None:
        spot = {"degreesLatitude": attachment.latitude, "degreesLongitude": attachment.longitude}
        labels = {"name": attachment.name, "address": attachment.address}
        return {"locationMessage": {**spot, **{name: label for name, label in labels.items() if label}, **quote}}
    if attachment.type is MessageKind.CONTACT:
        name = attachment.name or "Contact"
        return {"contactMessage": {"displayName": name, "vcard": _card(name, attachment), **quote}}
    return None


def _card(name: str, attachment: Attachment) -> str:
    vcard = attachment.extra.get("vcard")
    if isinstance(vcard, str) and vcard:
        return vcard
    numbers = (number.replace("\n", " ") for number in phones(attachment))
    lines = [f"TEL;type=CELL;waid={''.join(filter(str.isdecimal, number))}:{number}" for number in numbers]
    full_name = name.replace("\n", " ")
    return "\n".join(["BEGIN:VCARD", "VERSION:3.0", f"FN:{full_name}", *lines, "END:VCARD"])


def file(caption: str | None, attachment: Attachment, content: Media, quote: Quote) -> dict[str, Any]:
    """The message that describes a file; where it lies is added when it has been uploaded."""
    form, usual_type = FILES[attachment.type]
    mime_type = attachment.mime_type or content.mime_type or usual_type
    value: dict[str, Any] = {"mimetype": mime_type, **quote}
    if attachment.type is MessageKind.DOCUMENT:
        value["fileName"] = attachment.file_name or content.file_name or "file"
    if attachment.type is MessageKind.AUDIO and mime_type.startswith(_OPUS):
        value["ptt"] = True
    return {form: value | _caption(attachment.type, caption)}


def replacement(payload: OutboxPayload) -> dict[str, Any]:
    """What an edit puts in the place of a message: its text alone, or the caption of its file."""
    return _in_short(payload.attachments[0].type if payload.attachments else MessageKind.TEXT, payload.text)


def quoted(message: Message) -> dict[str, Any]:
    """What a quotation shows of a message."""
    return _in_short(message.kind, message.text)


def _in_short(kind: MessageKind, body: str | None) -> dict[str, Any]:
    return {FILES[kind][0]: _caption(kind, body)} if kind in FILES else {"conversation": body or ""}


def _caption(kind: MessageKind, body: str | None) -> dict[str, Any]:
    return {"caption": body} if body and kind not in WITHOUT_CAPTION else {}
