"""What an Instagram message holds: text, files, stories, shared posts and reels."""

from __future__ import annotations

from shared.channelkit.contents import Contents, short
from shared.channels.instagram.events import Message, SentAttachment
from shared.domain.content import Content, Press, Quote
from shared.domain.messages import Attachment, MessageKind

_KINDS = {
    "image": MessageKind.IMAGE,
    "audio": MessageKind.AUDIO,
    "video": MessageKind.VIDEO,
    "file": MessageKind.DOCUMENT,
    "ig_reel": MessageKind.VIDEO,
    "reel": MessageKind.VIDEO,
    # Stories are pictures or videos, and Instagram does not say which.
    "story_mention": MessageKind.IMAGE,
    "ig_story": MessageKind.IMAGE,
}
_NAMES = {"story_mention": "Story that mentions the account", "ig_story": "Story"}
_LINKS = frozenset({"share", "ig_post", "fallback"})


def contents(message: Message) -> Contents:
    """Files and stories become attachments with Meta's URL; shared posts and templates become words.

    The story that it answers, what the customer came by and the quick reply that was chosen are its content.
    """
    files = tuple(_attachment(item) for item in message.attachments if item.type in _KINDS)
    unknown = {item.type[:64] for item in message.attachments} - _KINDS.keys() - _LINKS - {"template"}
    text = message.text or _text_of_shares(message.attachments)
    story, quick_reply = message.reply_to.story if message.reply_to else None, message.quick_reply
    is_unsupported = message.is_unsupported or bool(unknown)
    content = Content(
        quoted=Quote(is_story=True, url=story.url) if story else None,
        pressed=Press(title=short(message.text), payload=quick_reply.payload) if quick_reply else None,
        referral=message.referral.content if message.referral else None,
        unsupported=(", ".join(sorted(unknown))[:500] or "Instagram does not hand it on") if is_unsupported else None,
    )
    return Contents(_kind(message, files, text), text, files, content=content)


def _kind(message: Message, files: tuple[Attachment, ...], text: str | None) -> MessageKind:
    if files:
        return files[0].type
    if message.quick_reply or any(item.type == "template" for item in message.attachments):
        return MessageKind.INTERACTIVE
    return MessageKind.TEXT if text else MessageKind.UNSUPPORTED


def _attachment(item: SentAttachment) -> Attachment:
    special = item.type not in ("image", "audio", "video", "file")
    return Attachment(
        type=_KINDS[item.type],
        url=item.payload.url,
        name=item.payload.title or _NAMES.get(item.type),
        extra={"instagram_type": item.type} if special else {},
    )


def _text_of_shares(attachments: list[SentAttachment]) -> str | None:
    """Title and address of what was shared, and the titles of a template's elements."""
    lines: list[str | None] = []
    for item in attachments:
        if item.type in _LINKS:
            lines += [item.payload.title, item.payload.url]
        elif item.type == "template":
            lines += [element.get("title") for element in item.payload.elements if isinstance(element, dict)]
    return "\n".join(str(line) for line in lines if line) or None
