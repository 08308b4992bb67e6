"""Sending over the account's own connection, which this process must hold."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from functools import partial

from shared.channel.outbound import Sent
from shared.channelkit.providers import note_if_unsent
from shared.channelkit.rendering import entities
from shared.channelkit.styled_text import utf16_length
from shared.channels.telegram_user.address import message_id, number, target
from shared.channels.telegram_user.config import TelegramUserConfig
from shared.channels.telegram_user.connection import line_of
from shared.channels.telegram_user.gateway import PROVIDER, FileRefused, Line, Post, Posted
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import OutboxPayload
from shared.errors import ProviderRejected, ProviderUnavailable

CAPTION_LIMIT = 1024
"""UTF-16 units, as for bots; see https://core.telegram.org/bots/api#sendphoto."""


def send(deps: Deps, instance: Instance, config: TelegramUserConfig, payload: OutboxPayload) -> Sent:
    """Send the text and the first attachment.

    A text too long for a caption follows as its own message; when only that one
    fails the result says so in `note`.
    """
    line = line_of(deps, instance.id)
    if line is None:
        raise ProviderUnavailable(PROVIDER, "the account is not logged in: POST /api/telegram/user/start")
    first, *rest = _posts(payload)
    posted = _carry_out(line, first)
    note = None
    for post in rest:
        note = note_if_unsent("the text", partial(_carry_out, line, post))
    if posted.number is None or first.form == "reaction":
        return Sent(external_message_id=None, note=note)
    return Sent(external_message_id=message_id(posted.chat, posted.number), note=note)


def _posts(payload: OutboxPayload) -> list[Post]:
    text_post = _text_post(payload)
    if payload.reaction is not None:
        target_number = number(payload.reaction.external_message_id)
        if target_number is None:
            raise ProviderRejected(PROVIDER, "the message to react to is not one of Telegram's")
        return [replace(text_post, form="reaction", text=payload.reaction.emoji, entities=(), reply_to=target_number)]
    file = _file(text_post, payload) if payload.attachments else None
    if file is None:
        if not text_post.text:
            raise ProviderRejected(PROVIDER, "there is neither a text nor a file that could be sent")
        return [text_post]
    if not text_post.text:
        return [file]
    if file.form == "file" and utf16_length(text_post.text) <= CAPTION_LIMIT:
        return [replace(file, text=text_post.text, entities=text_post.entities)]
    return [file, replace(text_post, reply_to=None)]


def _text_post(payload: OutboxPayload) -> Post:
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


def _file(text_post: Post, payload: OutboxPayload) -> Post | None:
    attachment, nonce = payload.attachments[0], _nonce(payload, "file")
    if attachment.latitude is not None and attachment.longitude is not None:
        return replace(
            text_post,
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
    return replace(text_post, nonce=nonce, form="file", text="", entities=(), url=attachment.url, kind=attachment.type)


def _carry_out(line: Line, post: Post) -> Posted:
    try:
        return line.send(post)
    except FileRefused:
        link = "\n".join(part for part in (post.text, post.url) if part)
        return line.send(replace(post, form="text", text=link, url=None))
