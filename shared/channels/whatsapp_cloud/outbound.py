"""From the normal form to the Cloud API's messages.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from shared.channel.outbound import Sent
from shared.channelkit.attachments import as_links, each_with_caption, in_words, joined
from shared.channelkit.meta import Reply
from shared.channelkit.rendering import apply_markup
from shared.channels.whatsapp_cloud.address import is_user_id
from shared.channels.whatsapp_cloud.api import PROVIDER, call, file_refused, result
from shared.channels.whatsapp_cloud.config import CloudConfig
from shared.channels.whatsapp_cloud.media import upload
from shared.channels.whatsapp_cloud.presence import post_read
from shared.channels.whatsapp_cloud.templates import filled
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind, is_file, phones
from shared.domain.outbox import Choice, OutboxPayload
from shared.errors import ProviderError, ProviderRejected

_log = logging.getLogger(__name__)

_TYPES = {
    MessageKind.IMAGE: "image",
    MessageKind.AUDIO: "audio",
    MessageKind.VIDEO: "video",
    MessageKind.DOCUMENT: "document",
    MessageKind.STICKER: "sticker",
}
_CAPTIONED = frozenset({"image", "video", "document"})
_CAPTION = 1024
_BUTTONS = 3
_LIST_BUTTON = "☰"
Post = Callable[[Mapping[str, Any]], Reply]


def parts(payload: OutboxPayload) -> list[OutboxPayload]:
    """A message for each attachment; a text that the first cannot carry follows it. A template goes out alone."""
    if payload.template or not payload.attachments:
        return [payload]
    text = apply_markup("whatsapp", payload).text or ""
    is_captioned = _TYPES.get(payload.attachments[0].type) in _CAPTIONED and len(text) <= _CAPTION
    return each_with_caption(payload, carries_text=is_captioned)


def send(deps: Deps, instance: Instance, config: CloudConfig, payload: OutboxPayload) -> Sent:
    """Send a template, a reaction, a question with choices, an attachment with its text, or the text."""
    payload = apply_markup("whatsapp", payload)
    post: Post = partial(_post, deps, config, _frame(payload))
    if payload.template:
        sent = _sent(post({"type": "template", "template": filled(payload.template)}))
    elif payload.reaction:
        about = {"message_id": payload.reaction.external_message_id, "emoji": payload.reaction.emoji}
        sent = _sent(post({"type": "reaction", "reaction": about}))
    elif payload.choices:
        sent = _sent(post({"type": "interactive", "interactive": _question(payload.text or "?", payload.choices)}))
    elif payload.attachments:
        sent = _send_attachment(deps, instance, config, post, payload)
    else:
        sent = _send_text(post, payload.text)
    _mark_read(deps, config, payload)
    return sent


def _frame(payload: OutboxPayload) -> dict[str, Any]:
    frame: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "group" if payload.context.get("group") else "individual",
        "recipient" if is_user_id(payload.to) else "to": payload.to,
    }
    if payload.message_id:
        # Its receipts name it so, also where the answer to this call was lost.
        frame["biz_opaque_callback_data"] = payload.message_id
    if payload.reply_to:
        frame["context"] = {"message_id": payload.reply_to}
    return frame


def _post(deps: Deps, config: CloudConfig, frame: Mapping[str, Any], message: Mapping[str, Any]) -> Reply:
    return call(deps, config, "POST", f"{config.phone_number_id}/messages", json={**frame, **message})


def _sent(reply: Reply) -> Sent:
    messages = result(reply).get("messages")
    first = messages[0] if isinstance(messages, list) and messages and isinstance(messages[0], dict) else {}
    wamid, status = first.get("id"), first.get("message_status")
    note = f"Meta has not sent it yet: {status}"[:200] if isinstance(status, str) and status != "accepted" else None
    return Sent(external_message_id=wamid if isinstance(wamid, str) else None, note=note)


def _send_text(post: Post, text: str | None) -> Sent:
    if not text:
        raise ProviderRejected(PROVIDER, "there is neither a text nor a file that could be sent")
    return _sent(post({"type": "text", "text": {"body": text, "preview_url": "http" in text}}))


def _question(text: str, choices: list[Choice]) -> dict[str, Any]:
    """Up to three choices are buttons, more are a list; the limits of their lengths are Meta's to enforce."""
    body = {"body": {"text": text}}
    if len(choices) <= _BUTTONS and not any(choice.description for choice in choices):
        buttons = [{"type": "reply", "reply": {"id": option.id, "title": option.title}} for option in choices]
        return {"type": "button", **body, "action": {"buttons": buttons}}
    rows = [option.model_dump(exclude_none=True) for option in choices]
    return {"type": "list", **body, "action": {"button": _LIST_BUTTON, "sections": [{"rows": rows}]}}


def _send_attachment(deps: Deps, instance: Instance, config: CloudConfig, post: Post, payload: OutboxPayload) -> Sent:
    attachment, text = payload.attachments[0], payload.text
    if not is_file(attachment):
        place = _place(attachment) or _contact(attachment)
        return _sent(post(place)) if place else _send_text(post, joined([text, in_words(attachment)]))
    kind = _TYPES[attachment.type]
    about = _source(deps, instance, config, attachment)
    if kind == "document" and attachment.file_name:
        about["filename"] = attachment.file_name
    if text:
        about["caption"] = text
    reply = post({"type": kind, kind: about})
    if file_refused(reply) and attachment.url:
        return replace(_send_text(post, joined([text, attachment.url])), note=as_links([attachment]))
    return _sent(reply)


def _place(attachment: Attachment) -> dict[str, Any] | None:
    if attachment.latitude is None or attachment.longitude is None:
        return None
    spot = attachment.model_dump(include={"latitude", "longitude", "name", "address"}, exclude_none=True)
    return {"type": "location", "location": spot}


def _contact(attachment: Attachment) -> dict[str, Any] | None:
    """A card (https://developers.facebook.com/docs/whatsapp/cloud-api/messages/contacts-messages)."""
    numbers = phones(attachment)
    if not numbers:
        return None
    name = attachment.name or numbers[0]
    card = {"name": {"formatted_name": name, "first_name": name}, "phones": [{"phone": number} for number in numbers]}
    return {"type": "contacts", "contacts": [card]}


def _source(deps: Deps, instance: Instance, config: CloudConfig, attachment: Attachment) -> dict[str, Any]:
    """The file by the id under which Meta has it; by its address only when the hub cannot get it itself."""
    media_id = attachment.extra.get("media_id")
    if not isinstance(media_id, str):
        if not attachment.url and attachment.sha256 is None:
            raise ProviderRejected(PROVIDER, "the file has no address")
        media_id = upload(deps, instance, config, attachment)
        if media_id is None and not attachment.url:
            raise ProviderRejected(PROVIDER, "the file is no longer kept")
    return {"id": media_id} if media_id else {"link": attachment.url}


def _mark_read(deps: Deps, config: CloudConfig, payload: OutboxPayload) -> None:
    """Show the customer that their latest message was read, and those before it; the answer does not depend on it."""
    latest = payload.context.get("last_message_id")
    if not config.mark_read or not isinstance(latest, str) or payload.template:
        return
    try:
        post_read(deps, config, latest)
    except ProviderError as error:
        _log.info("a message was not marked as read", extra={"why": error.reason})
