"""Slack's events, interactions and slash commands into the normal form."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from shared.channelkit.contents import short
from shared.channelkit.payloads import checked
from shared.channels.slack.api import PROVIDER
from shared.channels.slack.chats import chat_of, is_direct
from shared.channels.slack.events import (
    Callback,
    Changed,
    Deleted,
    File,
    Message,
    Reaction,
    TokensRevoked,
    moment,
)
from shared.channels.slack.interactions import block_actions, slash_command
from shared.channels.slack.mrkdwn import emoji, plain
from shared.channels.slack.people import enrich
from shared.domain.content import NO_CONTENT, Content, Forward
from shared.domain.inbound import (
    ChannelEvent,
    ConnectionChanged,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    Sender,
)
from shared.domain.instances import InstanceStatus
from shared.domain.messages import Attachment, MessageKind
from shared.errors import PayloadInvalid

__all__ = ["enrich", "parse"]

_log = logging.getLogger(__name__)

_WORDS = frozenset({None, "file_share", "thread_broadcast", "me_message"})
"""The subtypes of messages that people write; the others tell of joins, topics, bots, …"""
_NOT_PEOPLE = frozenset({"USLACKBOT"})
_MOST_FILES = 100
_KINDS = {"image": MessageKind.IMAGE, "video": MessageKind.VIDEO, "audio": MessageKind.AUDIO}
_GONE = frozenset({"tombstone", "hidden_by_limit"})
_INTERACTIONS = frozenset(
    {
        "message_action",
        "shortcut",
        "view_submission",
        "view_closed",
        "block_suggestion",
        "interactive_message",
        "dialog_submission",
        "dialog_cancellation",
    }
)


def parse(payload: Any) -> list[ChannelEvent]:
    """The payload's events; what means nothing here is left out, what is unknown is logged by name."""
    if not isinstance(payload, dict):
        raise PayloadInvalid("slack: the payload is not an object")
    if "command" in payload:
        return slash_command(payload)
    kind = payload.get("type")
    if kind == "event_callback":
        return _event(payload)
    if kind == "block_actions":
        return block_actions(payload)
    if kind not in _INTERACTIONS:
        _log.warning("slack payload of unknown type ignored", extra={"payload_type": str(kind)[:64]})
    return []


def _event(payload: Mapping[str, Any]) -> list[ChannelEvent]:
    callback = checked(PROVIDER, Callback, payload)
    kind, subtype = callback.event.get("type"), callback.event.get("subtype")
    if kind == "message" and subtype in ("message_changed", "message_deleted"):
        kind = subtype
    parser = _PARSERS.get(kind) if isinstance(kind, str) else None
    if parser is None:
        _log.info("slack event of another kind ignored", extra={"event_kind": str(kind)[:64]})
        return []
    return parser(callback)


def _message(callback: Callback) -> list[ChannelEvent]:
    message = checked(PROVIDER, Message, callback.event)
    bot = callback.bot_user
    if not message.user or message.bot_id or message.user == bot or message.user in _NOT_PEOPLE:
        return []  # A bot, of which we may be one: answering bots would never end.
    if message.type == "message" and message.subtype not in _WORDS:
        return []
    where = chat_of(message.channel, message.channel_type, message.user, message.ts, message.thread_ts)
    is_reply = message.thread_ts is not None and message.thread_ts != message.ts
    called = not where.is_thread or message.type == "app_mention" or f"<@{bot}" in (message.text or "")
    if not called and not is_reply:
        return []  # People talk with each other in a channel that the bot is in.
    shared = [item for item in message.attachments if item.is_share or item.is_msg_unfurl]
    all_files = [*message.files, *(file for item in shared for file in item.files)]
    files = tuple(_attachment(file) for file in all_files[:_MOST_FILES] if file.mode not in _GONE)
    passed_on = "\n".join(plain(item.text or item.fallback or "", bot) for item in shared)
    text = "\n".join(part for part in (plain(message.text or "", bot), passed_on) if part) or None
    unsupported = MessageKind.TEXT if text else MessageKind.UNSUPPORTED
    return [
        MessageReceived(
            external_message_id=f"{message.channel}:{message.ts}",
            external_conversation_id=where.address,
            chat_key=where.chat_key,
            sender=Sender(external_user_id=message.user, keys=(message.user,), name=callback.name),
            kind=files[0].type if files else unsupported,
            text=text,
            attachments=files,
            sent_at=moment(message.ts),
            is_thread=where.is_thread,
            is_shared=where.is_thread,
            is_addressed=called,
            if_known=not called,
            reply_to=f"{message.channel}:{message.thread_ts}" if is_reply else None,
            content=Content(forwarded=Forward(author=short(shared[0].author_name))) if shared else NO_CONTENT,
            extra={"event_id": callback.event_id} if callback.event_id else {},
            context=where.context,
        )
    ]


def _attachment(file: File) -> Attachment:
    """A file of Slack's own is only given to the bot; what lies elsewhere (a shared drive) is a link."""
    kind = _KINDS.get((file.mimetype or "").partition("/")[0], MessageKind.DOCUMENT)
    elsewhere = file.mode == "external"
    return Attachment(
        type=kind,
        url=file.url_private if elsewhere else None,
        mime_type=file.mimetype,
        file_name=file.name or file.title,
        size=file.size or None,
        extra={} if elsewhere else {"file_id": file.id},
    )


def _changed(callback: Callback) -> list[ChannelEvent]:
    """Slack also sends this when it adds a link's preview or a thread's count: only who edits leaves `edited`."""
    changed = checked(PROVIDER, Changed, callback.event)
    message, direct = changed.message, is_direct(changed.channel, changed.channel_type)
    name = f"{changed.channel}:{message.ts}"
    if message.subtype == "tombstone":
        return [MessageDeleted(external_message_id=name, deleted_at=moment(changed.event_ts), if_known=not direct)]
    if message.bot_id or message.edited is None or message.user == callback.bot_user:
        return []
    return [
        MessageEdited(
            external_message_id=name,
            text=plain(message.text or "", callback.bot_user),
            edited_at=moment(message.edited.ts),
            if_known=not direct,
        )
    ]


def _deleted(callback: Callback) -> list[ChannelEvent]:
    deleted = checked(PROVIDER, Deleted, callback.event)
    return [
        MessageDeleted(
            external_message_id=f"{deleted.channel}:{deleted.deleted_ts}",
            deleted_at=moment(deleted.event_ts),
            if_known=not is_direct(deleted.channel, deleted.channel_type),
        )
    ]


def _reaction(callback: Callback) -> list[ChannelEvent]:
    reaction = checked(PROVIDER, Reaction, callback.event)
    item = reaction.item
    if item.channel is None or item.ts is None or reaction.user == callback.bot_user:
        return []
    return [
        ReactionChanged(
            external_message_id=f"{item.channel}:{item.ts}",
            sender_key=reaction.user,
            emoji=emoji(reaction.reaction) if reaction.type == "reaction_added" else "",
            reacted_at=moment(reaction.event_ts),
        )
    ]


def _uninstalled(callback: Callback) -> list[ChannelEvent]:
    return [_disconnected("the app was removed from the workspace")]


def _revoked(callback: Callback) -> list[ChannelEvent]:
    revoked = checked(PROVIDER, TokensRevoked, callback.event)
    return [_disconnected("the bot's token was revoked")] if revoked.tokens.bot else []


def _disconnected(why: str) -> ConnectionChanged:
    return ConnectionChanged(status=InstanceStatus.DISCONNECTED, detail=f"{why}: install the app again")


_PARSERS: Mapping[str, Callable[[Callback], list[ChannelEvent]]] = {
    "message": _message,
    "app_mention": _message,
    "message_changed": _changed,
    "message_deleted": _deleted,
    "reaction_added": _reaction,
    "reaction_removed": _reaction,
    "app_uninstalled": _uninstalled,
    "tokens_revoked": _revoked,
}

EVENTS = ("app_mention", "message.channels", "message.groups", "message.im", "message.mpim")
"""What the app must subscribe to; also reactions, `app_uninstalled` and `tokens_revoked`."""
