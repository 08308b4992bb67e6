"""LINE's webhook events into the normal form."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from shared.channelkit.contents import short
from shared.channelkit.payloads import checked
from shared.channels.line.choices import choice_of
from shared.channels.line.config import PROVIDER
from shared.channels.line.contents import contents
from shared.channels.line.events import Event
from shared.channels.line.people import enrich
from shared.domain.content import Content, Press
from shared.domain.inbound import (
    ChannelEvent,
    ConnectionChanged,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Sender,
)
from shared.domain.instances import InstanceStatus
from shared.domain.messages import MessageKind

__all__ = ["enrich", "parse"]

_log = logging.getLogger(__name__)

IGNORED = frozenset(
    {
        "join",
        "leave",
        "memberJoined",
        "memberLeft",
        "videoPlayComplete",
        "beacon",
        "accountLink",
        "membership",
        "module",
        "activated",
        "deactivated",
        "delivery",
    }
)

_PICKED = ("datetime", "date", "time")
"""What a postback of a calendar has one of."""


def parse(payload: Any) -> list[ChannelEvent]:
    """An event's normal events; types that mean nothing here are listed in `IGNORED`, unknown ones are logged."""
    event = checked(PROVIDER, Event, payload)
    parser = _PARSERS.get(event.type)
    if parser is None:
        if event.type not in IGNORED:
            _log.warning("line event of unknown type ignored", extra={"event_type": event.type[:64]})
        return []
    return parser(event)


def _message(event: Event) -> list[ChannelEvent]:
    message = event.message
    if message is None:
        return []
    content = contents(message)
    return _received(
        event,
        external_message_id=message.id,
        kind=content.kind,
        text=content.text,
        attachments=content.attachments,
        reply_to=message.quoted_message_id,
        content=content.content,
        extra=content.extra,
        is_addressed=any(mentionee.is_self for mentionee in message.mention.mentionees),
    )


def _received(event: Event, **fields: Any) -> list[ChannelEvent]:
    """A message of the event's chat; none for what comes from nobody that could be answered."""
    group, user = event.source.group, event.source.user_id
    chat, author = group or user, user or group
    if chat is None or author is None:
        _log.info("line event without a source ignored", extra={"event_type": event.type[:64]})
        return []
    return [
        MessageReceived(
            external_conversation_id=chat,
            chat_key=chat,
            sender=Sender(external_user_id=author, keys=(author,), name=event.lookups.name),
            sent_at=event.timestamp,
            is_group=group is not None,
            group_name=event.lookups.group_name,
            for_people=event.mode == "standby",
            context=_context(event),
            **fields,
        )
    ]


def _context(event: Event) -> dict[str, Any]:
    """What answering takes: the reply token, since when it is good, and the token to mark the message as read."""
    read_token = event.message.mark_as_read_token if event.message else None
    context = {"reply_token": event.reply_token, "read_token": read_token}
    return {"sent_at": event.timestamp.isoformat()} | {name: value for name, value in context.items() if value}


def _postback(event: Event) -> list[ChannelEvent]:
    """A press on a button; LINE shows the button's words in the chat and does not tell them.

    Going to another page of the rich menu is one, too, and means nothing here.
    """
    postback = event.postback
    if postback is None or "newRichMenuAliasId" in postback.params:
        return []
    choice = choice_of(postback.data)
    picked = next((postback.params[name] for name in _PICKED if name in postback.params), None)
    title, identifier = (choice["title"], choice["id"]) if choice else (None, postback.data)
    return _received(
        event,
        external_message_id=f"postback:{event.webhook_event_id}",
        kind=MessageKind.INTERACTIVE,
        text=title or picked or postback.data,
        content=Content(pressed=Press(title=short(title or picked), payload=identifier)),
        is_addressed=True,
    )


def _edited(event: Event) -> list[ChannelEvent]:
    message = event.message
    if message is None or message.text is None:
        return []
    return [MessageEdited(external_message_id=message.id, text=message.text, edited_at=event.timestamp)]


def _unsent(event: Event) -> list[ChannelEvent]:
    if event.unsend is None:
        return []
    return [MessageDeleted(external_message_id=event.unsend.message_id, deleted_at=event.timestamp)]


def _followed(event: Event) -> list[ChannelEvent]:
    back = event.follow.is_unblocked
    return _received(
        event,
        external_message_id=f"follow:{event.webhook_event_id}",
        kind=MessageKind.TEXT,
        text="The customer has unblocked the account." if back else "The customer has added the account as a friend.",
        is_note=True,
    )


def _unfollowed(event: Event) -> list[ChannelEvent]:
    return _received(
        event,
        external_message_id=f"unfollow:{event.webhook_event_id}",
        kind=MessageKind.TEXT,
        text="The customer has blocked the account.",
        is_note=True,
        if_known=True,
    )


def _suspended(event: Event) -> list[ChannelEvent]:
    return [ConnectionChanged(status=InstanceStatus.ERROR, detail="LINE has suspended the account")]


def _resumed(event: Event) -> list[ChannelEvent]:
    return [ConnectionChanged(status=InstanceStatus.CONNECTED)]


_PARSERS: Mapping[str, Callable[[Event], list[ChannelEvent]]] = {
    "message": _message,
    "messageEdited": _edited,
    "unsend": _unsent,
    "postback": _postback,
    "follow": _followed,
    "unfollow": _unfollowed,
    "botSuspended": _suspended,
    "botResumed": _resumed,
}
