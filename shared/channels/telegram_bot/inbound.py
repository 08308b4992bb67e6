"""Telegram's updates into the normal form."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.channelkit.payloads import checked
from shared.channels.telegram_bot import address
from shared.channels.telegram_bot.contents import SERVICE_MESSAGES, contents
from shared.channels.telegram_bot.updates import (
    CallbackQuery,
    Chat,
    DeletedBusinessMessages,
    Entity,
    Message,
    MessageReaction,
    ReactionType,
    User,
)
from shared.domain.content import Content, Press
from shared.domain.inbound import (
    ChannelEvent,
    ChatMoved,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    Sender,
)
from shared.domain.messages import MessageKind
from shared.errors import PayloadInvalid

_MOST_ENTITIES = 100

_log = logging.getLogger(__name__)

IGNORED = frozenset(
    {
        "business_connection",
        "message_reaction_count",
        "inline_query",
        "chosen_inline_result",
        "shipping_query",
        "pre_checkout_query",
        "purchased_paid_media",
        "poll",
        "poll_answer",
        "my_chat_member",
        "chat_member",
        "chat_join_request",
        "chat_boost",
        "removed_chat_boost",
        "managed_bot",
    }
)


def parse(payload: Any) -> list[ChannelEvent]:
    """An update's events; kinds that mean nothing here are listed in `IGNORED`, unknown ones are logged."""
    if not isinstance(payload, dict):
        raise PayloadInvalid("telegram_bot: the update is not an object")
    events: list[ChannelEvent] = []
    for kind, body in payload.items():
        if kind in _PARSERS:
            events += _PARSERS[kind](body)
        elif kind != "update_id" and kind not in IGNORED:
            _log.warning("telegram update of unknown kind ignored", extra={"update_kind": kind[:64]})
    return events


def _message(body: object) -> list[ChannelEvent]:
    message = checked("telegram_bot", Message, body)
    names = set(body) if isinstance(body, dict) else set()
    if message.migrate_to_chat_id is not None:
        return [_moved(message.chat.id, message.migrate_to_chat_id)]
    if message.migrate_from_chat_id is not None:
        return [_moved(message.migrate_from_chat_id, message.chat.id)]
    if message.sender_business_bot is not None or names & SERVICE_MESSAGES:
        return []
    return [_received(message, names)]


def _moved(old: int, new: int) -> ChatMoved:
    return ChatMoved(chat_key=str(old), new_external_conversation_id=str(new))


def _received(message: Message, names: set[str]) -> MessageReceived:
    content = contents(message, names)
    chat_address, topic = _chat_address(message), message.direct_messages_topic
    from_me = _written_by_the_business(message)
    reply = message.reply_to_message
    is_group = message.chat.type != "private" and topic is None
    is_by_machine = _is_by_machine(message)
    return MessageReceived(
        external_message_id=f"{chat_address}:{message.message_id}",
        external_conversation_id=chat_address,
        chat_key=chat_address if topic else str(message.chat.id),
        sender=_customer(message) if from_me else _sender(message),
        kind=content.kind,
        text=content.text,
        attachments=content.attachments,
        sent_at=message.date,
        from_me=from_me,
        is_group=is_group,
        is_thread=topic is not None,
        is_automatic=message.is_from_offline,
        nobody_waits=is_by_machine,
        not_routed=is_by_machine,
        is_addressed=_is_command(message),
        mentions=tuple(_mentions(message)),
        group_name=message.chat.title if is_group else None,
        reply_to=f"{chat_address}:{reply.message_id}" if reply else None,
        content=content.content,
        extra=content.extra,
    )


def _is_by_machine(message: Message) -> bool:
    """Whether a bot wrote it, or a channel: for all its readers, or by its post's copy in the group beside it.

    The bot in whose name an anonymous administrator writes is none.
    """
    if message.chat.type == "channel" or message.is_automatic_forward:
        return True
    return message.sender_chat is None and message.sender is not None and message.sender.is_bot


def _is_command(message: Message) -> bool:
    """Whether it is a command to any bot; one to a certain bot names it."""
    return any(entity.type == "bot_command" and "@" not in name for entity, name in _entities(message))


def _mentions(message: Message) -> Iterator[str]:
    for entity, name in _entities(message):
        if entity.type == "mention":
            yield name
        elif entity.type == "bot_command" and "@" in name:
            yield "@" + name.partition("@")[2]
        elif entity.type == "text_mention" and entity.user is not None:
            yield str(entity.user.id)


def _entities(message: Message) -> Iterator[tuple[Entity, str]]:
    """Each entity with the part of the text that it marks."""
    text, entities = message.text, message.entities
    if text is None:
        text, entities = message.caption, message.caption_entities
    units = (text or "").encode("utf-16-le", "surrogatepass")
    for entity in entities[:_MOST_ENTITIES]:
        marked = units[max(entity.offset, 0) * 2 : max(entity.offset + entity.length, 0) * 2]
        yield entity, marked.decode("utf-16-le", "replace")


def _chat_address(message: Message) -> str:
    topic = message.direct_messages_topic
    if topic is not None:
        return address.of_topic(message.chat.id, topic.topic_id)
    return address.of_chat(message.chat.id, message.business_connection_id)


def _written_by_the_business(message: Message) -> bool:
    topic = message.direct_messages_topic
    if topic is not None and topic.user is not None:
        return message.sender_chat is not None or (message.sender is not None and message.sender.id != topic.user.id)
    if message.business_connection_id is None or message.sender is None:
        return False
    return message.sender.id != message.chat.id


def _customer(message: Message) -> Sender:
    """Whom the business wrote to."""
    topic = message.direct_messages_topic
    return _user_as_sender(topic.user) if topic and topic.user else _chat_as_sender(message.chat)


def _sender(message: Message) -> Sender:
    # Telegram puts a stand-in user into `from` when a chat speaks: an anonymous admin, a linked channel.
    if message.sender_chat is not None or message.sender is None:
        return _chat_as_sender(message.sender_chat or message.chat)
    own = message.contact is not None and message.contact.user_id == message.sender.id
    return _user_as_sender(message.sender, message.contact.phone_number if own and message.contact else None)


def _user_as_sender(user: User, phone: str | None = None) -> Sender:
    return Sender(
        external_user_id=str(user.id),
        keys=(str(user.id),),
        name=user.full_name,
        phone=f"+{phone.lstrip('+')}" if phone else None,
        username=user.username,
    )


def _chat_as_sender(chat: Chat) -> Sender:
    return Sender(
        external_user_id=str(chat.id),
        keys=(str(chat.id),),
        name=chat.name,
        username=chat.username,
    )


def _edited(body: object) -> list[ChannelEvent]:
    message = checked("telegram_bot", Message, body)
    if message.location is not None:
        return []  # A live location moves by edits; there is no text to change.
    content = contents(message, set(body) if isinstance(body, dict) else set())
    return [
        MessageEdited(
            external_message_id=f"{_chat_address(message)}:{message.message_id}",
            text=content.text or "",
            attachments=content.attachments or None,
            edited_at=message.edit_date or message.date,
        )
    ]


def _callback_query(body: object) -> list[ChannelEvent]:
    query = checked("telegram_bot", CallbackQuery, body)
    message = query.message
    chat = message.chat if message else Chat(id=query.sender.id)
    chat_address = address.of_chat(chat.id, message.business_connection_id if message else None)
    title = message.reply_markup.title_of(query.data) if message and message.reply_markup else None
    return [
        MessageReceived(
            external_message_id=f"callback:{query.id}",
            external_conversation_id=chat_address,
            chat_key=str(chat.id),
            sender=_user_as_sender(query.sender),
            kind=MessageKind.INTERACTIVE,
            text=title or query.data or query.game_short_name,
            content=Content(pressed=Press(title=title, payload=query.data or query.game_short_name)),
            sent_at=query.received_at,
            is_group=chat.type != "private",
            is_addressed=True,
            group_name=chat.title if chat.type != "private" else None,
            reply_to=f"{chat_address}:{message.message_id}" if message else None,
            extra={"callback_query_id": query.id},
        )
    ]


def _reaction(body: object) -> list[ChannelEvent]:
    reaction = checked("telegram_bot", MessageReaction, body)
    actor = reaction.user or reaction.actor_chat or reaction.chat
    return [
        ReactionChanged(
            external_message_id=f"{reaction.chat.id}:{reaction.message_id}",
            sender_key=str(actor.id),
            emoji=_emoji_of(reaction.new_reaction[-1]) if reaction.new_reaction else "",
            reacted_at=reaction.date,
        )
    ]


def _emoji_of(reaction: ReactionType) -> str:
    if reaction.type == "paid":
        return "⭐"
    return reaction.emoji or f":{reaction.custom_emoji_id or reaction.type}:"


def _deleted(body: object) -> list[ChannelEvent]:
    deleted = checked("telegram_bot", DeletedBusinessMessages, body)
    chat_address = address.of_chat(deleted.chat.id, deleted.business_connection_id)
    return [MessageDeleted(external_message_id=f"{chat_address}:{number}") for number in deleted.message_ids]


_PARSERS: Mapping[str, Callable[[object], list[ChannelEvent]]] = {
    "message": _message,
    "edited_message": _edited,
    "channel_post": _message,
    "edited_channel_post": _edited,
    "business_message": _message,
    "edited_business_message": _edited,
    "deleted_business_messages": _deleted,
    "callback_query": _callback_query,
    "message_reaction": _reaction,
}

ALLOWED_UPDATES = tuple(_PARSERS)
"""What Telegram is asked for; what it is not asked for it does not send."""
