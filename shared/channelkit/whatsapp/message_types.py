"""The kinds of content that WhatsApp knows, and how to get to them through the wrappers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from shared.channelkit.contents import Contents
from shared.channelkit.whatsapp import content
from shared.channelkit.whatsapp.content import Unwrapped
from shared.channelkit.whatsapp.wire import Fields, boolean, fields, integer, text
from shared.domain.content import Content
from shared.domain.messages import MessageKind

_READERS: Mapping[str, Callable[[Unwrapped], Contents | None]] = {
    "conversation": content.plain,
    "extendedTextMessage": content.plain,
    "imageMessage": partial(content.media, MessageKind.IMAGE),
    "videoMessage": partial(content.media, MessageKind.VIDEO),
    "ptvMessage": partial(content.media, MessageKind.VIDEO),
    "audioMessage": partial(content.media, MessageKind.AUDIO),
    "documentMessage": partial(content.media, MessageKind.DOCUMENT),
    "stickerMessage": partial(content.media, MessageKind.STICKER),
    "locationMessage": partial(content.location, False),
    "liveLocationMessage": partial(content.location, True),
    "contactMessage": content.contact,
    "contactsArrayMessage": content.contacts,
    "pollCreationMessage": content.poll,
    "pollCreationMessageV2": content.poll,
    "pollCreationMessageV3": content.poll,
    "pollCreationMessageV5": content.poll,
    "buttonsResponseMessage": partial(content.chosen, "selectedDisplayText", "selectedButtonId"),
    "templateButtonReplyMessage": partial(content.chosen, "selectedDisplayText", "selectedId"),
    "listResponseMessage": content.chosen_row,
    "interactiveResponseMessage": content.chosen_flow,
    "buttonsMessage": content.offered,
    "listMessage": content.offered,
    "templateMessage": content.offered,
    "interactiveMessage": content.offered,
    "orderMessage": content.order,
    "productMessage": content.product,
    "groupInviteMessage": content.group_invitation,
    "eventMessage": content.event,
}
_NOTES: Mapping[str, str] = {
    "call": "Call",
    "statusMentionMessage": "Mentioned the business in their status",
    "groupStatusMentionMessage": "Mentioned the group in their status",
}
_REASONS: Mapping[str, str] = {"placeholderMessage": "WhatsApp shows it on the phone only"}

_WRAPPERS = frozenset(
    {
        "ephemeralMessage",
        "viewOnceMessage",
        "viewOnceMessageV2",
        "viewOnceMessageV2Extension",
        "documentWithCaptionMessage",
        "editedMessage",
        "deviceSentMessage",
        "groupMentionedMessage",
        "associatedChildMessage",
        "lottieStickerMessage",
        "pollCreationMessageV4",
    }
)
_BESIDE = frozenset(
    {"messageContextInfo", "base64", "mediaUrl", "speechToText", "senderKeyDistributionMessage", "contextInfo"}
)
_DEEPEST_WRAPPING = 8


def unwrap(message: Fields, message_type: str | None = None) -> Unwrapped:
    """Take the content out of its wrappers (disappearing, view once, caption, edit)."""
    media_url, transcript = text(message.get("mediaUrl")), text(message.get("speechToText"))
    context = fields(message.get("contextInfo"))
    for _ in range(_DEEPEST_WRAPPING):
        name = _content_name(message, message_type)
        value = message.get(name) if name else None
        inner = fields(fields(value).get("message"))
        if name not in _WRAPPERS or not inner:
            break
        message = inner
        media_url = text(message.get("mediaUrl")) or media_url
    context = fields(fields(value).get("contextInfo")) or context
    return Unwrapped(name=name, value=value, context=context, media_url=media_url, transcript=transcript)


def _content_name(message: Fields, message_type: str | None) -> str | None:
    if message_type in message and message_type not in _BESIDE:
        return message_type
    names = [name for name, value in message.items() if name not in _BESIDE and value is not None]
    readable = [name for name in names if name in _READERS or name in _WRAPPERS]
    return next(iter(readable or names), None)


def read(unwrapped: Unwrapped) -> Contents:
    """The content in the hub's words; what cannot be shown is `UNSUPPORTED` with its name."""
    reader = _READERS.get(unwrapped.name or "")
    contents = reader(unwrapped) if reader else None
    return contents or Contents(MessageKind.UNSUPPORTED, content=Content(unsupported=_reason(unwrapped.name)))


def _reason(name: str | None) -> str:
    if not name:
        return "WhatsApp gave no content"
    return _REASONS.get(name) or name.removesuffix("Message")[:80] or name[:80]


def note(unwrapped: Unwrapped) -> str | None:
    """What a person is told of a message that nobody wrote; None for one that somebody did."""
    if unwrapped.name != "callLogMesssage":
        return _NOTES.get(unwrapped.name or "")
    call = fields(unwrapped.value)
    kind = "Video call" if boolean(call.get("isVideo")) else "Call"
    seconds = integer(call.get("durationSecs")) or 0
    return f"{kind}, {seconds} seconds" if seconds else f"{kind}, not answered"


def quoted_text(message: Fields) -> str | None:
    """What a quoted message says."""
    return read(unwrap(message)).text
