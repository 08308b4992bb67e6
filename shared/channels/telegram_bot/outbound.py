"""From the normal form to the Bot API's send methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from shared.channel.outbound import Sent
from shared.channelkit.attachments import as_links, each_with_caption, in_words, joined
from shared.channelkit.entities import Entity
from shared.channelkit.files import content_of
from shared.channelkit.rendering import entities
from shared.channelkit.styled_text import utf16_length
from shared.channels.telegram_bot.address import is_plain, target
from shared.channels.telegram_bot.api import PROVIDER, Reply, Upload, call, result
from shared.channels.telegram_bot.config import TelegramBotConfig
from shared.deps import Deps
from shared.domain.content import Poll
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind, phones
from shared.domain.outbox import OutboxPayload, ReactionTo
from shared.errors import ProviderRejected

CAPTION_LIMIT = 1024
"""In UTF-16 units, as Telegram counts."""

_METHODS = {
    MessageKind.IMAGE: ("sendPhoto", "photo"),
    MessageKind.VIDEO: ("sendVideo", "video"),
    MessageKind.AUDIO: ("sendAudio", "audio"),
    MessageKind.STICKER: ("sendSticker", "sticker"),
}
_ENTITIES = {
    "bold": "bold",
    "italic": "italic",
    "strike": "strikethrough",
    "code": "code",
    "pre": "pre",
    "link": "text_link",
}
_FRAME = ("chat_id", "business_connection_id", "direct_messages_topic_id", "reply_parameters")
_WITHOUT_CAPTION = frozenset({"sendSticker", "sendLocation", "sendVenue", "sendContact"})
_VOICE_MIMES = frozenset({"audio/ogg", "audio/opus"})
_VOICE_ENDINGS = (".ogg", ".oga", ".opus")
_FILE_REFUSALS = (
    "wrong file identifier",
    "http url",  # "failed to get HTTP URL content", "invalid file HTTP URL specified"
    "wrong type of the web page content",
    "wrong remote file identifier",
    "webpage_",
    "image_process_failed",
    "photo_invalid_dimensions",
    "wrong type of file",
    "file is too big",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One method call; `link` is what to send as text where Telegram cannot use the file.

    A file that the hub holds is the parameter `upload_as`.
    """

    method: str
    params: Mapping[str, Any]
    link: str | None = None
    upload_as: str | None = None

    @property
    def text(self) -> str:
        return str(self.params.get("text") or self.params.get("caption") or "")

    def using(self, **params: Any) -> Step:
        return replace(self, params={**self.params, **params})

    def without(self, *names: str) -> Step:
        return replace(self, params={name: value for name, value in self.params.items() if name not in names})


def parts(payload: OutboxPayload) -> list[OutboxPayload]:
    """A message for each attachment; a text that the first cannot carry follows it. What is passed on stays whole."""
    if _forward(payload) is not None:
        return [payload]
    media = _media(payload.attachments[0]) if payload.attachments else None
    is_captioned = media is None or media.method not in _WITHOUT_CAPTION
    fits = utf16_length(entities(payload)[0]) <= CAPTION_LIMIT
    return each_with_caption(payload, carries_text=is_captioned and fits)


def send(deps: Deps, instance: Instance, config: TelegramBotConfig, payload: OutboxPayload) -> Sent:
    """Send a reaction, an attachment with its text, or the text. A file that Telegram cannot use goes as a link."""
    api = partial(call, deps, config)
    if payload.reaction:
        return _react(api, payload.to, payload.reaction)
    step = step_of(payload, config.parse_mode)
    if step.upload_as is not None:
        api = partial(api, upload=Upload(step.upload_as, content_of(deps, instance, payload.attachments[0])))
    message, sent_to, carried_out = _carry_out(api, step)
    note = as_links(payload.attachments) if carried_out.method != step.method else None
    return Sent(external_message_id=_message_id(payload.to, message), external_conversation_id=sent_to, note=note)


def _react(api: Callable[..., Reply], to: str, reaction: ReactionTo) -> Sent:
    chosen = [{"type": "emoji", "emoji": reaction.emoji}] if reaction.emoji else []
    number = number_of(reaction.external_message_id)
    if number is None:
        raise ProviderRejected(PROVIDER, "the message to react to is not one of Telegram's")
    result(api("setMessageReaction", {"chat_id": target(to)["chat_id"], "message_id": number, "reaction": chosen}))
    return Sent(external_message_id=None)


def step_of(payload: OutboxPayload, parse_mode: str | None) -> Step:
    forward = _forward(payload)
    if forward is not None:
        return forward
    frame = target(payload.to) | _reply(payload.reply_to)
    if payload.poll:
        return Step("sendPoll", frame | _poll(payload.poll))
    text, looks = entities(payload)
    styled = {"parse_mode": parse_mode} if parse_mode and payload.spans is None else {}
    media = _media(payload.attachments[0]) if payload.attachments else None
    if media is not None:
        caption = {"caption": text, **styled, **_entities("caption_entities", looks)} if text else {}
        return media.using(**frame, **caption)
    text = joined([text, *map(in_words, payload.attachments)])
    if not text:
        raise ProviderRejected(PROVIDER, "there is neither a text nor a file that could be sent")
    return Step("sendMessage", frame | {"text": text} | styled | _entities("entities", looks))


def _forward(payload: OutboxPayload) -> Step | None:
    """Passing on as Telegram does it, which shows whose message it is; business accounts and topics get a copy."""
    original = payload.original.external_message_id if payload.original else None
    number, chat = number_of(original), (original or "").rpartition(":")[0]
    if number is None or not is_plain(chat) or not is_plain(payload.to):
        return None
    return Step("forwardMessage", {"chat_id": payload.to, "from_chat_id": chat, "message_id": number})


def _poll(poll: Poll) -> dict[str, Any]:
    """Who votes is told to the bot only where the poll is not anonymous (https://core.telegram.org/bots/api#sendpoll)."""
    options = [{"text": option} for option in poll.options]
    votes = {"allows_multiple_answers": poll.multiple, "is_anonymous": False}
    return {"question": poll.question, "options": options, **votes}


def _entities(name: str, looks: Sequence[Entity]) -> dict[str, Any]:
    """How the text looks (https://core.telegram.org/bots/api#messageentity)."""
    entities = [{"type": _ENTITIES[look.style], "offset": look.offset, "length": look.length} for look in looks]
    for entity, look in zip(entities, looks, strict=True):
        if look.value:
            entity["url" if look.style == "link" else "language"] = look.value
    return {name: entities} if entities else {}


def _reply(reply_to: str | None) -> dict[str, Any]:
    number = number_of(reply_to)
    if number is None:
        return {}
    return {"reply_parameters": {"message_id": number, "allow_sending_without_reply": True}}


def number_of(external_message_id: str | None) -> int | None:
    """Telegram's own number in our id, which is `<chat>:<number>`."""
    chat, _, number = (external_message_id or "").rpartition(":")
    return int(number) if chat and chat != "callback" and number.isascii() and number.isdecimal() else None


def _media(attachment: Attachment) -> Step | None:
    if attachment.latitude is not None and attachment.longitude is not None:
        return _place(attachment, {"latitude": attachment.latitude, "longitude": attachment.longitude})
    if attachment.type is MessageKind.CONTACT and (numbers := phones(attachment)):
        return Step("sendContact", {"phone_number": numbers[0], "first_name": attachment.name or numbers[0]})
    source = attachment.url or attachment.extra.get("file_id")
    if not source and attachment.sha256 is None:
        return None
    method, name = _METHODS.get(attachment.type, ("sendDocument", "document"))
    if method == "sendAudio" and _is_voice(attachment):
        method, name = "sendVoice", "voice"
    return Step(method, {name: source}, attachment.url) if source else Step(method, {}, upload_as=name)


def _place(attachment: Attachment, spot: Mapping[str, float]) -> Step:
    if attachment.name and attachment.address:
        return Step("sendVenue", {**spot, "title": attachment.name, "address": attachment.address})
    return Step("sendLocation", spot)


def _is_voice(attachment: Attachment) -> bool:
    if attachment.mime_type:
        return attachment.mime_type.split(";")[0].strip().lower() in _VOICE_MIMES
    name = attachment.file_name or (attachment.url or "").split("?")[0]
    return name.lower().endswith(_VOICE_ENDINGS)


def _carry_out(api: Callable[..., Reply], step: Step) -> tuple[Any, str | None, Step]:
    """Call the method, mending what Telegram refuses.

    Gives the message, the chat's new id if it has one, and the step that was taken in the end.
    """
    reply = api(step.method, step.params)
    moved_to = reply.parameter("migrate_to_chat_id")
    for mend in (_in_the_new_chat, as_plain_text, _as_link):
        mended = mend(step, reply)
        if mended is not None:
            step, reply = mended, api(mended.method, mended.params)
    return result(reply), None if moved_to is None else str(moved_to), step


def _in_the_new_chat(step: Step, reply: Reply) -> Step | None:
    moved_to = reply.parameter("migrate_to_chat_id")
    # The message to reply to has another number in the new chat.
    return None if reply.ok or moved_to is None else step.using(chat_id=moved_to).without("reply_parameters")


def as_plain_text(step: Step, reply: Reply) -> Step | None:
    looks = ("parse_mode", "entities", "caption_entities")
    if any(name in step.params for name in looks) and reply.refused_for("entities", "entity_"):
        return step.without(*looks)
    return None


def _as_link(step: Step, reply: Reply) -> Step | None:
    if step.link is None or not reply.refused_for(*_FILE_REFUSALS):
        return None
    frame = {name: step.params[name] for name in _FRAME if name in step.params}
    return Step("sendMessage", frame | {"text": "\n".join(part for part in (step.text, step.link) if part)})


def _message_id(to: str, message: Any) -> str | None:
    """Our id of a message that was sent: the chat Telegram names, with the way to it where that is special."""
    chat = message.get("chat") if isinstance(message, dict) else None
    number = message.get("message_id") if isinstance(message, dict) else None
    if not isinstance(chat, dict) or not isinstance(number, int):
        return None
    return f"{chat.get('id') if is_plain(to) else to}:{number}"
