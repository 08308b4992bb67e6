"""Buttons, menus and slash commands into messages (https://docs.slack.dev/interactivity)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channelkit.contents import short
from shared.channelkit.payloads import checked
from shared.channels.slack.api import PROVIDER
from shared.channels.slack.chats import chat_of, is_direct
from shared.channels.slack.events import Action, BlockActions, Command, Option, moment
from shared.channels.slack.mrkdwn import plain
from shared.domain.content import Content, Press
from shared.domain.inbound import ChannelEvent, MessageReceived, Sender
from shared.domain.messages import MessageKind


def block_actions(payload: Mapping[str, Any]) -> list[ChannelEvent]:
    """What somebody chose in a message; elements elsewhere (the app's home, a form) are not ours."""
    used = checked(PROVIDER, BlockActions, payload)
    if used.channel is None or used.message is None:
        return []
    where = chat_of(used.channel.id, None, used.user.id, used.message.ts, used.message.thread_ts)
    carrier = f"{used.channel.id}:{used.message.ts}"
    return [
        MessageReceived(
            external_message_id=f"action:{carrier}:{used.user.id}:{action.action_id}:{action.action_ts}",
            external_conversation_id=where.address,
            chat_key=where.chat_key,
            sender=Sender(external_user_id=used.user.id, keys=(used.user.id,), username=_username(used)),
            kind=MessageKind.INTERACTIVE,
            text=_chosen(action),
            sent_at=moment(action.action_ts),
            is_thread=where.is_thread,
            is_shared=where.is_thread,
            is_addressed=True,
            reply_to=carrier,
            content=Content(pressed=Press(title=short(_chosen(action)), payload=_value(action))),
            extra={"action_id": action.action_id},
            context=where.context,
        )
        for action in used.actions
    ]


def _username(used: BlockActions) -> str | None:
    return used.user.username or used.user.name


def _value(action: Action) -> str:
    values = [option.value for option in _options(action) if option.value]
    return action.value or ",".join(values) or action.action_id


def _options(action: Action) -> list[Option]:
    return [option for option in (action.selected_option, *action.selected_options) if option]


def _chosen(action: Action) -> str | None:
    """The words on what was chosen, else its value."""
    labels = [
        label for option in _options(action) if (label := option.text.text if option.text else option.value) is not None
    ]
    text = ", ".join(labels) or (action.text.text if action.text else "")
    return plain(text) or action.value or action.selected_date or action.selected_time


def slash_command(payload: Mapping[str, Any]) -> list[ChannelEvent]:
    """Nobody but the command's user sees it, so the answer goes to them alone."""
    command = checked(PROVIDER, Command, payload)
    direct = is_direct(command.channel_id, None)
    return [
        MessageReceived(
            external_message_id=f"command:{command.trigger_id}",
            external_conversation_id=command.channel_id if direct else command.user_id,
            chat_key=command.user_id,
            sender=Sender(external_user_id=command.user_id, keys=(command.user_id,), username=command.user_name),
            kind=MessageKind.TEXT,
            text=plain(command.text) or command.command,
            sent_at=command.received_at,
            extra={"command": command.command},
            context={"thread_ts": None},
        )
    ]
