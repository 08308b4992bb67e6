"""What a Messenger message holds: text, files, places, shared links."""

from __future__ import annotations

from typing import Any

from shared.channelkit.contents import Contents, short
from shared.channelkit.messenger_events import SentAttachment
from shared.channels.facebook.events import Message
from shared.domain.content import Content, Press
from shared.domain.messages import Attachment, MessageKind

_KINDS = {
    "image": MessageKind.IMAGE,
    "audio": MessageKind.AUDIO,
    "video": MessageKind.VIDEO,
    "file": MessageKind.DOCUMENT,
    "sticker": MessageKind.STICKER,
    "reel": MessageKind.VIDEO,
    "ig_reel": MessageKind.VIDEO,
    "location": MessageKind.LOCATION,
}
_LINKS = frozenset({"fallback", "post", "ig_post"})


def contents(message: Message) -> Contents:
    """Files become attachments; links, templates and what is unknown go to `extra` and, without a text, into it."""
    has_sticker = any(item.type == "sticker" for item in message.attachments)
    files = tuple(
        _attachment(item)
        for item in message.attachments
        if item.type in _KINDS and not (has_sticker and _is_copy(item))
    )
    links = [link for item in message.attachments if item.type in _LINKS and (link := _link(item))]
    templates = [item for item in message.attachments if item.type == "template"]
    unknown = {item.type[:64] for item in message.attachments} - _KINDS.keys() - _LINKS - {"template"}
    text = message.text or _text_of_links(links) or _text_of_templates(templates)
    extra = message.model_dump(include={"app_id", "metadata"}, exclude_none=True)
    if links:
        extra["links"] = links
    if templates:
        extra["templates"] = [_template(item) for item in templates]
    quick_reply = message.quick_reply
    content = Content(
        pressed=Press(title=short(text), payload=quick_reply.payload) if quick_reply else None,
        referral=message.referral.content if message.referral else None,
        unsupported=", ".join(sorted(unknown))[:500] if unknown else None,
    )
    return Contents(_kind(files, bool(templates), text), text, files, extra, content)


def _kind(files: tuple[Attachment, ...], template: bool, text: str | None) -> MessageKind:
    if files:
        return files[0].type
    if template:
        return MessageKind.INTERACTIVE
    return MessageKind.TEXT if text else MessageKind.UNSUPPORTED


def _is_copy(item: SentAttachment) -> bool:
    """Until Messenger stops doing so, a sticker comes a second time as an image."""
    return item.type == "image" and item.payload is not None and item.payload.sticker_id is not None


def _attachment(item: SentAttachment) -> Attachment:
    payload = item.payload
    sticker = payload.sticker_id if payload else None
    spot = payload.coordinates if payload else None
    return Attachment(
        type=MessageKind.STICKER if sticker else _KINDS[item.type],
        url=(payload.url if payload else None) or item.url,
        name=item.title or (payload.title if payload else None) or None,
        latitude=spot.lat if spot else None,
        longitude=spot.long if spot else None,
        extra={"sticker_id": sticker} if sticker else {},
    )


def _link(item: SentAttachment) -> dict[str, str]:
    payload = item.payload
    title = item.title or (payload.title if payload else None)
    url = item.url or (payload.url if payload else None)
    return {name: value for name, value in (("title", title), ("url", url)) if value}


def _text_of_links(links: list[dict[str, str]]) -> str | None:
    return "\n".join(value for link in links for value in link.values()) or None


def _template(item: SentAttachment) -> dict[str, Any]:
    return item.payload.model_dump(exclude_none=True, exclude_defaults=True) if item.payload else {}


def _text_of_templates(templates: list[SentAttachment]) -> str | None:
    """A template's words: a button template's text, else the titles of its elements."""
    lines: list[str] = []
    for item in templates:
        if item.payload and item.payload.text:
            lines.append(item.payload.text)
        elements = item.payload.elements if item.payload else []
        lines += [title for element in elements if isinstance(title := element.get("title"), str) and title]
    return "\n".join(lines) or None
