"""What the gateway tells of messages (https://docs.discord.com/developers/events/gateway-events) in the normal form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from shared.channelkit.payloads import checked
from shared.channels.discord.api import PROVIDER
from shared.channels.discord.chats import attachment, chat_of, sender
from shared.channels.discord.objects import (
    DeletedMessage,
    DeletedMessages,
    Message,
    Reaction,
    Snapshot,
    Snowflake,
    Sticker,
    Typing,
    moment,
)
from shared.domain.content import Content, Forward, Poll
from shared.domain.inbound import (
    ChannelEvent,
    CustomerTyping,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
)
from shared.domain.messages import Attachment, MessageKind

_WRITTEN = frozenset({0, 19})
"""The types of messages that people write: plain ones and replies; the others tell of pins, joins, boosts, …"""
_LOTTIE = 3
_MENTION = re.compile(r"<@!?([0-9]{1,20})>")


class _Dispatch(BaseModel):
    t: str
    bot_id: Snowflake | None = None
    d: dict[str, Any]


def dispatched(payload: Mapping[str, Any]) -> list[ChannelEvent]:
    """The events of a dispatch."""
    dispatch = checked(PROVIDER, _Dispatch, payload)
    parser = _PARSERS.get(dispatch.t)
    return parser(dispatch) if parser else []


def _created(dispatch: _Dispatch) -> list[ChannelEvent]:
    message = checked(PROVIDER, Message, dispatch.d)
    author = message.author
    if author is None or author.bot or message.webhook_id or message.type not in _WRITTEN:
        return []  # Bots, of which we are one, are not answered: that would never end.
    if not _is_called(message, dispatch.bot_id):
        return []
    where = chat_of(message.channel_id, author, direct=message.guild_id is None)
    passed_on = [snapshot.message for snapshot in message.message_snapshots]
    parts_with_files: list[Message | Snapshot] = [message, *passed_on]
    files = tuple(file for part in parts_with_files for file in _files(part))
    parts = [_plain(message, dispatch.bot_id), *(snapshot.content for snapshot in passed_on)]
    text = "\n".join(part for part in parts if part) or (message.poll.question.text if message.poll else None)
    replied = message.message_reference.message_id if message.message_reference and not passed_on else None
    return [
        MessageReceived(
            external_message_id=f"{message.channel_id}:{message.id}",
            external_conversation_id=where.address,
            chat_key=where.chat_key,
            sender=sender(author, message.member),
            kind=_kind(message, files, text),
            text=text,
            attachments=files,
            sent_at=message.timestamp or moment(message.id),
            is_thread=where.is_thread,
            is_shared=where.is_thread,
            is_addressed=True,
            reply_to=f"{message.channel_id}:{replied}" if replied else None,
            content=_content(message),
            # Among many people in a channel an answer says what it answers.
            context={"interaction": None, "message_id": message.id if where.is_thread else None},
        )
    ]


def _files(part: Message | Snapshot) -> Iterator[Attachment]:
    yield from map(attachment, part.attachments)
    yield from map(_sticker, part.sticker_items)


def _content(message: Message) -> Content:
    poll = message.poll
    options = [answer.poll_media.text for answer in poll.answers if answer.poll_media.text] if poll else []
    return Content(
        forwarded=Forward() if message.message_snapshots else None,
        poll=Poll(question=(poll.question.text or "")[:1_000], options=options[:50]) if poll else None,
    )


def _is_called(message: Message, bot_id: str | None) -> bool:
    """In a server only what mentions the bot or replies to it is meant for it."""
    if message.guild_id is None:
        return True
    replied = message.referenced_message.author if message.referenced_message else None
    return bot_id is not None and bot_id in {*(user.id for user in message.mentions), replied.id if replied else ""}


def _plain(message: Message, bot_id: str | None) -> str | None:
    """The text with people's names instead of their ids, without the mention that calls the bot."""
    text = re.sub(rf"^\s*<@!?{bot_id}>[\s,:]*", "", message.content) if bot_id else message.content
    names = {user.id: user.global_name or user.username or user.id for user in message.mentions}
    return _MENTION.sub(lambda mention: f"@{names[mention[1]]}" if mention[1] in names else mention[0], text) or None


def _kind(message: Message, files: tuple[Attachment, ...], text: str | None) -> MessageKind:
    if files:
        return files[0].type
    if message.poll:
        return MessageKind.POLL
    return MessageKind.TEXT if text else MessageKind.UNSUPPORTED


def _sticker(sticker: Sticker) -> Attachment:
    """Lottie stickers are animations that only Discord's own apps draw."""
    url = f"https://media.discordapp.net/stickers/{sticker.id}.png"
    return Attachment(
        type=MessageKind.STICKER,
        url=None if sticker.format_type == _LOTTIE else url,
        name=sticker.name,
        extra={"sticker_id": sticker.id},
    )


def _updated(dispatch: _Dispatch) -> list[ChannelEvent]:
    """Discord also sends this when it adds a link's preview; only who edits leaves a time."""
    message = checked(PROVIDER, Message, dispatch.d)
    if message.edited_timestamp is None or message.author is None or message.author.bot:
        return []
    return [
        MessageEdited(
            external_message_id=f"{message.channel_id}:{message.id}",
            text=_plain(message, dispatch.bot_id) or "",
            edited_at=message.edited_timestamp,
            if_known=message.guild_id is not None,
        )
    ]


def _deleted(dispatch: _Dispatch) -> list[ChannelEvent]:
    deletion = checked(PROVIDER, DeletedMessage, dispatch.d)
    name = f"{deletion.channel_id}:{deletion.id}"
    return [MessageDeleted(external_message_id=name, if_known=deletion.guild_id is not None)]


def _deleted_many(dispatch: _Dispatch) -> list[ChannelEvent]:
    deletion = checked(PROVIDER, DeletedMessages, dispatch.d)
    in_server = deletion.guild_id is not None
    return [
        MessageDeleted(external_message_id=f"{deletion.channel_id}:{message_id}", if_known=in_server)
        for message_id in deletion.ids
    ]


def _reaction(dispatch: _Dispatch) -> list[ChannelEvent]:
    reaction = checked(PROVIDER, Reaction, dispatch.d)
    if reaction.user_id == dispatch.bot_id:
        return []
    emoji = reaction.emoji
    emoji_text = f":{emoji.name or emoji.id}:" if emoji.id else emoji.name or ""
    return [
        ReactionChanged(
            external_message_id=f"{reaction.channel_id}:{reaction.message_id}",
            sender_key=reaction.user_id,
            emoji=emoji_text if dispatch.t == "MESSAGE_REACTION_ADD" else "",
            # Reactions are not dated; later ones come later.
            reacted_at=moment(reaction.message_id),
        )
    ]


def _typing(dispatch: _Dispatch) -> list[ChannelEvent]:
    """Who writes in a server may speak to anybody there."""
    typing = checked(PROVIDER, Typing, dispatch.d)
    if typing.guild_id is not None or typing.user_id == dispatch.bot_id:
        return []
    return [CustomerTyping(chat_key=typing.user_id)]


_PARSERS: Mapping[str, Callable[[_Dispatch], list[ChannelEvent]]] = {
    "MESSAGE_CREATE": _created,
    "MESSAGE_UPDATE": _updated,
    "MESSAGE_DELETE": _deleted,
    "MESSAGE_DELETE_BULK": _deleted_many,
    "MESSAGE_REACTION_ADD": _reaction,
    "MESSAGE_REACTION_REMOVE": _reaction,
    "TYPING_START": _typing,
}
