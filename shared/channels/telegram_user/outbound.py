"""Sending over the account's own connection, which this process must hold."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from typing import Literal

from shared.channel.outbound import Sent
from shared.channelkit.attachments import as_links, each_with_caption, in_words, joined
from shared.channelkit.rendering import entities
from shared.channelkit.styled_text import utf16_length
from shared.channels.telegram_user.address import message_id, number, target
from shared.channels.telegram_user.config import TelegramUserConfig
from shared.channels.telegram_user.connection import line_of
from shared.channels.telegram_user.gateway import PROVIDER, FileRefused, Line, Post, Posted
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import MessageKind
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected, ProviderUnavailable

CAPTION_LIMIT = 1024
"""UTF-16 units, as for bots; see https://core.telegram.org/bots/api#sendphoto."""


def parts(payload: OutboxPayload) -> list[OutboxPayload]:
    """A message for each attachment; a text that the first cannot carry follows it."""
    is_captioned = not payload.attachments or payload.attachments[0].type is not MessageKind.LOCATION
    fits = utf16_length(entities(payload)[0]) <= CAPTION_LIMIT
    return each_with_caption(payload, carries_text=is_captioned and fits)


def send(deps: Deps, instance: Instance, config: TelegramUserConfig, payload: OutboxPayload) -> Sent:
    """Send a reaction, an attachment with its text, or the text. A file that Telegram cannot use goes as a link."""
    line = line_for(deps, instance)
    post = _post(payload)
    posted, note = _carry_out(line, post), None
    if posted is None:
        text = joined([post.text, post.url])
        posted, note = line.send(replace(post, form="text", text=text, url=None)), as_links(payload.attachments)
    if posted.number is None or post.form == "reaction":
        return Sent(external_message_id=None, note=note)
    return Sent(external_message_id=message_id(posted.chat, posted.number), note=note)


def line_for(deps: Deps, instance: Instance) -> Line:
    """The account's line; raises `ProviderUnavailable` where this process holds none."""
    line = line_of(deps, instance.id)
    if line is None:
        raise ProviderUnavailable(PROVIDER, "the account is not logged in: POST /api/telegram/user/start")
    return line


def about(post: Post, form: Literal["reaction", "edit", "deletion", "read"], external_message_id: str) -> Post:
    """The post as something that is done to a message."""
    target_number = number(external_message_id)
    if target_number is None:
        raise ProviderRejected(PROVIDER, "the message is not one of Telegram's")
    return replace(post, form=form, reply_to=target_number)


def _post(payload: OutboxPayload) -> Post:
    post = text_post(payload)
    if payload.reaction is not None:
        reaction = replace(post, text=payload.reaction.emoji, entities=())
        return about(reaction, "reaction", payload.reaction.external_message_id)
    if payload.attachments and (file := _file(post, payload)):
        return file
    post = replace(post, text=joined([post.text, *map(in_words, payload.attachments)]))
    if not post.text:
        raise ProviderRejected(PROVIDER, "there is neither a text nor a file that could be sent")
    return post


def text_post(payload: OutboxPayload) -> Post:
    text, looks = entities(payload)
    return Post(
        chat=target(payload.to),
        access_hash=_integer(payload.context.get("access_hash")),
        nonce=_nonce(payload, "text"),
        text=text,
        entities=looks,
        reply_to=number(payload.reply_to),
    )


def _integer(text: object) -> int | None:
    is_number = isinstance(text, str) and len(text) <= 20 and text.removeprefix("-").isdecimal()
    return int(str(text)) if is_number else None


def _nonce(payload: OutboxPayload, part: str) -> int:
    """The same for the same message, always, so that Telegram refuses it when it comes again."""
    name = payload.message_id or secrets.token_hex(16)
    digest = hashlib.sha256(f"{name}/{part}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True) or 1


def _file(post: Post, payload: OutboxPayload) -> Post | None:
    """The attachment with its text as caption; None for what can only be told in words."""
    attachment, nonce = payload.attachments[0], _nonce(payload, "file")
    if attachment.latitude is not None and attachment.longitude is not None:
        return replace(
            post,
            nonce=nonce,
            form="place",
            text="",
            entities=(),
            latitude=attachment.latitude,
            longitude=attachment.longitude,
            title=attachment.name,
            address=attachment.address,
        )
    if not attachment.url:
        return None
    return replace(post, nonce=nonce, form="file", url=attachment.url, kind=attachment.type)


def _carry_out(line: Line, post: Post) -> Posted | None:
    """None when Telegram cannot use the file."""
    try:
        return line.send(post)
    except FileRefused:
        return None
