"""An account's updates into the normal form."""

from __future__ import annotations

from typing import Any

from shared.channelkit.payloads import checked
from shared.channels.telegram_user.address import message_id
from shared.channels.telegram_user.contents import contents
from shared.channels.telegram_user.gateway import PROVIDER
from shared.channels.telegram_user.updates import Deletion, Message, Peer, Update
from shared.domain.inbound import ChannelEvent, CustomerTyping, MessageDeleted, MessageEdited, MessageReceived, Sender

TELEGRAM = 777000
"""The account that Telegram itself writes from; it sends login codes, which are nobody's message."""


def parse(payload: Any) -> list[ChannelEvent]:
    update = checked(PROVIDER, Update, payload)
    events: list[ChannelEvent] = []
    if update.message is not None:
        events += _received(update.message)
    if update.edited is not None:
        events += _edited(update.edited)
    if update.deleted is not None:
        events += _deleted(update.deleted)
    if update.typing is not None and update.typing != TELEGRAM:
        events.append(CustomerTyping(chat_key=str(update.typing)))
    return events


def _received(message: Message) -> list[ChannelEvent]:
    chat, is_group = message.chat, message.chat.type != "user"
    if chat.id == TELEGRAM:
        return []
    # In a private chat everything is the customer's, also what the account's owner wrote to them.
    speaker = chat if not is_group or message.sender is None else message.sender
    content = contents(message)
    is_by_machine = speaker.is_bot or speaker.type == "channel" or message.is_repost
    return [
        MessageReceived(
            external_message_id=message_id(chat.id, message.id),
            external_conversation_id=str(chat.id),
            chat_key=str(chat.id),
            sender=_sender(speaker),
            kind=content.kind,
            text=content.text,
            attachments=content.attachments,
            sent_at=message.date,
            from_me=message.out,
            is_group=is_group,
            nobody_waits=is_by_machine,
            not_routed=is_by_machine,
            is_addressed=message.mentioned,
            group_name=chat.title if is_group else None,
            reply_to=message_id(chat.id, message.reply_to) if message.reply_to else None,
            content=content.content,
            extra=content.extra,
            context={"access_hash": chat.access_hash} if chat.access_hash else {},
        )
    ]


def _sender(peer: Peer) -> Sender:
    name = " ".join(part for part in (peer.first_name, peer.last_name) if part) or peer.title or peer.username
    return Sender(
        external_user_id=str(peer.id),
        keys=(str(peer.id),),
        name=name,
        phone=f"+{peer.phone.removeprefix('+')}" if peer.phone else None,
        username=peer.username,
    )


def _edited(message: Message) -> list[ChannelEvent]:
    """A text that was changed; reactions and link previews come as edits without a date and change nothing."""
    if message.edit_date is None or message.chat.id == TELEGRAM:
        return []
    return [
        MessageEdited(
            external_message_id=message_id(message.chat.id, message.id),
            text=message.text,
            edited_at=message.edit_date,
        )
    ]


def _deleted(deletion: Deletion) -> list[ChannelEvent]:
    return [
        MessageDeleted(external_message_id=message_id(deletion.chat, number), deleted_at=deletion.at)
        for number in deletion.ids
    ]
