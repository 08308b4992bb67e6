"""Sending over the account's own connection, which this process must hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.channel.outbound import Sent
from shared.channelkit import jid
from shared.channelkit.attachments import as_links, each_with_caption, in_words, joined
from shared.channelkit.files import fetch_file
from shared.channelkit.rendering import apply_markup
from shared.channels.whatsapp_web.config import WhatsAppWebConfig
from shared.channels.whatsapp_web.connection import line_of
from shared.channels.whatsapp_web.gateway import PROVIDER, Line
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind, phones
from shared.domain.outbox import OutboxPayload, ReactionTo
from shared.errors import ProviderRejected, ProviderUnavailable

_NOT_CONNECTED = "the account is not connected: connect the channel and scan its code with the phone"
_FILES = {
    MessageKind.IMAGE: ("imageMessage", "image/jpeg"),
    MessageKind.VIDEO: ("videoMessage", "video/mp4"),
    MessageKind.AUDIO: ("audioMessage", "audio/ogg; codecs=opus"),
    MessageKind.DOCUMENT: ("documentMessage", "application/octet-stream"),
    MessageKind.STICKER: ("stickerMessage", "image/webp"),
}
_WITHOUT_CAPTION = frozenset({MessageKind.AUDIO, MessageKind.STICKER, MessageKind.LOCATION, MessageKind.CONTACT})
_OPUS = "audio/ogg"
"""The only recordings that every phone plays as voice notes."""


def parts(payload: OutboxPayload) -> list[OutboxPayload]:
    """A message for each attachment; a text that the first cannot carry follows it."""
    is_captioned = not payload.attachments or payload.attachments[0].type not in _WITHOUT_CAPTION
    return each_with_caption(payload, carries_text=is_captioned)


def send(deps: Deps, instance: Instance, config: WhatsAppWebConfig, payload: OutboxPayload) -> Sent:
    """Send a reaction, an attachment with its text, or the text. A file that is not to be had goes as its link."""
    if not payload.to:
        raise ProviderRejected(PROVIDER, "the conversation has no WhatsApp address")
    line = line_of(deps, instance.id)
    if line is None:
        raise ProviderUnavailable(PROVIDER, _NOT_CONNECTED)
    payload = apply_markup("whatsapp", payload)
    if payload.reaction is not None:
        return _send(line, payload, _reaction(payload, payload.reaction))
    if not payload.attachments:
        return _send(line, payload, _text(payload, payload.text))
    attachment = payload.attachments[0]
    if (message := _without_file(payload, attachment)) is not None:
        return _send(line, payload, message)
    file = _file(deps, payload, attachment)
    if file is None:
        sent = _send(line, payload, _text(payload, joined([payload.text, in_words(attachment)])))
        return replace(sent, note=as_links([attachment]))
    message, content = file
    return _send(line, payload, message, content)


def _send(line: Line, payload: OutboxPayload, message: dict[str, Any], content: bytes | None = None) -> Sent:
    to = jid.bare(payload.to)
    posted = line.send(to, message, content)
    chat = posted.chat or to
    # A person's hidden id in place of their number is no new address: the number is the one that people know.
    moved = chat != to and jid.is_phone(chat)
    return Sent(external_message_id=posted.message_id, external_conversation_id=chat if moved else None)


def _text(payload: OutboxPayload, text: str | None) -> dict[str, Any]:
    if not (text or "").strip():
        raise ProviderRejected(PROVIDER, "there is nothing to send: no text, and no attachment that WhatsApp takes")
    quote = _quote(payload)
    return {"extendedTextMessage": {"text": text} | quote} if quote else {"conversation": text}


def _quote(payload: OutboxPayload) -> dict[str, Any]:
    """WhatsApp wants the quoted words, too; the customer's program has them, and shows its own."""
    if not payload.reply_to:
        return {}
    context: dict[str, Any] = {"stanzaId": payload.reply_to, "quotedMessage": {"conversation": ""}}
    chat = jid.bare(payload.to)
    return {"contextInfo": context if jid.is_group(chat) else context | {"participant": chat}}


def _reaction(payload: OutboxPayload, reaction: ReactionTo) -> dict[str, Any]:
    key = {"remoteJid": jid.bare(payload.to), "fromMe": reaction.from_me, "id": reaction.external_message_id}
    return {"reactionMessage": {"key": key, "text": reaction.emoji}}


def _without_file(payload: OutboxPayload, attachment: Attachment) -> dict[str, Any] | None:
    """A place or a contact's card; None for what is neither."""
    if attachment.type is MessageKind.LOCATION and attachment.latitude is not None and attachment.longitude is not None:
        spot = {"degreesLatitude": attachment.latitude, "degreesLongitude": attachment.longitude}
        labels = {"name": attachment.name, "address": attachment.address}
        return {"locationMessage": spot | {name: label for name, label in labels.items() if label} | _quote(payload)}
    if attachment.type is MessageKind.CONTACT:
        name = attachment.name or "Contact"
        return {"contactMessage": {"displayName": name, "vcard": _card(name, attachment)} | _quote(payload)}
    return None


def _card(name: str, attachment: Attachment) -> str:
    vcard = attachment.extra.get("vcard")
    if isinstance(vcard, str) and vcard:
        return vcard
    numbers = (number.replace("\n", " ") for number in phones(attachment))
    lines = [f"TEL;type=CELL;waid={''.join(filter(str.isdecimal, number))}:{number}" for number in numbers]
    full_name = name.replace("\n", " ")
    return "\n".join(["BEGIN:VCARD", "VERSION:3.0", f"FN:{full_name}", *lines, "END:VCARD"])


def _file(deps: Deps, payload: OutboxPayload, attachment: Attachment) -> tuple[dict[str, Any], bytes] | None:
    """The message that describes the file, and its content; None for one that is not to be had."""
    if attachment.type not in _FILES or not attachment.url:
        return None
    try:
        file = fetch_file(deps, PROVIDER, attachment.url)
    except ProviderRejected:
        return None
    form, usual_type = _FILES[attachment.type]
    mime_type = attachment.mime_type or file.mime_type or usual_type
    value: dict[str, Any] = {"mimetype": mime_type} | _quote(payload)
    if attachment.type is MessageKind.DOCUMENT:
        value["fileName"] = attachment.file_name or file.file_name or "file"
    if attachment.type is MessageKind.AUDIO and mime_type.startswith(_OPUS):
        value["ptt"] = True
    if payload.text and attachment.type not in _WITHOUT_CAPTION:
        value["caption"] = payload.text
    return {form: value}, file.content
