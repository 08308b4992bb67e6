"""From the normal form to LINE's message objects.

https://developers.line.biz/en/reference/messaging-api/#message-objects
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.channelkit.attachments import in_words, joined
from shared.channelkit.cutting import cut_text
from shared.channels.line.choices import data_of
from shared.domain.messages import Attachment, MessageKind
from shared.domain.outbox import Choice, OutboxPayload

TEXT_LIMIT = 5000
_BUTTONS = 4
_BUTTONS_TEXT = 160
_LABEL = 20
_PLACE_TEXT = 100


def messages_of(payload: OutboxPayload, quoted: str | None) -> list[dict[str, Any]]:
    """The attachments, then the text; `quoted` is the token of the message that the first text quotes."""
    attached = [_attachment(attachment) for attachment in payload.attachments]
    messages = [message for message in attached if message]
    text = joined([payload.text, *map(in_words, told_in_words(payload))])
    if payload.choices and _are_buttons(text, payload.choices):
        return [*messages, _buttons(text, payload.choices)]
    texts: list[dict[str, Any]] = [{"type": "text", "text": piece} for piece in cut_text(text, TEXT_LIMIT)]
    if quoted and texts:
        texts[0]["quoteToken"] = quoted
    messages += texts
    if payload.choices and messages:
        messages[-1]["quickReply"] = {"items": [_quick_reply(choice) for choice in payload.choices]}
    return messages


def told_in_words(payload: OutboxPayload) -> list[Attachment]:
    """The attachments that LINE cannot carry."""
    return [attachment for attachment in payload.attachments if _attachment(attachment) is None]


def _attachment(attachment: Attachment) -> dict[str, Any] | None:
    """None for what goes as a link: a file that is no medium, and a medium of which LINE wants to know more."""
    return next(_objects(attachment), None)


def _objects(attachment: Attachment) -> Iterator[dict[str, Any]]:
    """The object that an attachment can be. LINE fetches files from secure addresses only."""
    url, about = attachment.url or "", attachment.extra
    kind = attachment.type
    if attachment.latitude is not None and attachment.longitude is not None:
        yield _place(attachment)
    if kind is MessageKind.STICKER and {"package_id", "sticker_id"} <= about.keys():
        yield {"type": "sticker", "packageId": str(about["package_id"]), "stickerId": str(about["sticker_id"])}
    if not url.startswith("https://"):
        return
    if kind in (MessageKind.IMAGE, MessageKind.STICKER):
        yield {"type": "image", "originalContentUrl": url, "previewImageUrl": about.get("preview_url") or url}
    if kind is MessageKind.VIDEO and about.get("preview_url"):
        yield {"type": "video", "originalContentUrl": url, "previewImageUrl": about["preview_url"]}
    if kind is MessageKind.AUDIO and isinstance(about.get("duration"), int):
        yield {"type": "audio", "originalContentUrl": url, "duration": about["duration"]}


def _place(attachment: Attachment) -> dict[str, Any]:
    """LINE wants a title and an address; the coordinates stand in for what is missing."""
    spot = f"{attachment.latitude}, {attachment.longitude}"
    return {
        "type": "location",
        "title": (attachment.name or attachment.address or spot)[:_PLACE_TEXT],
        "address": (attachment.address or spot)[:_PLACE_TEXT],
        "latitude": attachment.latitude,
        "longitude": attachment.longitude,
    }


def _are_buttons(text: str, choices: list[Choice]) -> bool:
    """Buttons stay in the chat, quick replies go away with the next message; but few and short is all they can be."""
    return 0 < len(text) <= _BUTTONS_TEXT and len(choices) <= _BUTTONS


def _buttons(text: str, choices: list[Choice]) -> dict[str, Any]:
    template = {"type": "buttons", "text": text, "actions": [_action(choice) for choice in choices]}
    return {"type": "template", "altText": text, "template": template}


def _quick_reply(choice: Choice) -> dict[str, Any]:
    return {"type": "action", "action": _action(choice)}


def _action(choice: Choice) -> dict[str, str]:
    return {
        "type": "postback",
        "label": choice.title[:_LABEL],
        "data": data_of(choice),
        "displayText": choice.title,
    }
