"""Slash commands, buttons, menus and forms into messages.

https://docs.discord.com/developers/interactions/receiving-and-responding
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from shared.channelkit.payloads import checked
from shared.channels.discord.api import PROVIDER
from shared.channels.discord.chats import attachment, chat_of, sender
from shared.channels.discord.objects import Data, Interaction, Member, Option, User, moment
from shared.domain.inbound import ChannelEvent, MessageReceived
from shared.domain.messages import Attachment, MessageKind
from shared.errors import PayloadInvalid

PING, COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 1, 2, 3, 4, 5

TOKEN_LIFE = timedelta(minutes=15) - timedelta(seconds=30)
"""An interaction's token is good for 15 minutes; the rest is for clocks and slow calls."""

_SUBCOMMANDS = frozenset({1, 2})
_FILE_OPTION = 11
_BETWEEN_PEOPLE = 2
_DEEPEST = 8


def interaction(payload: Mapping[str, Any]) -> list[ChannelEvent]:
    """The message that an interaction amounts to; its token goes along, to answer with."""
    used = checked(PROVIDER, Interaction, payload)
    if used.type not in (COMMAND, COMPONENT, MODAL):
        return []
    person = _person(used.member, used.user)
    where = chat_of(used.channel_id, person, direct=used.guild_id is None and used.context != _BETWEEN_PEOPLE)
    files = tuple(_files(used.data))
    text = _text(used)
    return [
        MessageReceived(
            external_message_id=f"interaction:{used.id}",
            external_conversation_id=where.address,
            chat_key=where.chat_key,
            sender=sender(person, used.member),
            kind=files[0].type if files else MessageKind.TEXT if used.type == COMMAND else MessageKind.INTERACTIVE,
            text=text,
            attachments=files,
            sent_at=moment(used.id),
            is_thread=where.is_thread,
            is_shared=where.is_thread,
            is_addressed=True,
            reply_to=f"{used.channel_id}:{used.message.id}" if used.message else None,
            extra=_extra(used, text),
            context={"interaction": _answering(used), "message_id": None},
        )
    ]


def _person(member: Member | None, user: User | None) -> User:
    person = user or (member.user if member else None)
    if person is None:
        raise PayloadInvalid("discord: the interaction names no user")
    return person


def _answering(used: Interaction) -> dict[str, Any]:
    return {
        "application_id": used.application_id,
        "token": used.token,
        "until": (moment(used.id) + TOKEN_LIFE).isoformat(),
        "thinking": used.message is None,
    }


def _extra(used: Interaction, text: str | None) -> dict[str, Any]:
    data = used.data
    if used.type == COMPONENT:
        return {"choice": {"id": ",".join(data.values) or data.custom_id, "title": text}, "custom_id": data.custom_id}
    return {"command": data.name} if used.type == COMMAND else {"custom_id": data.custom_id}


def _text(used: Interaction) -> str | None:
    data = used.data
    if used.type == COMMAND:
        target = data.resolved.messages.get(data.target_id or "")
        values = [str(option.value) for option in _leaves(data.options) if option.type != _FILE_OPTION]
        return (
            " ".join(values) or (target.content if target else "") or " ".join(["/" + (data.name or ""), *_path(data)])
        )
    if used.type == MODAL:
        return "\n".join(_entered(data.components, _DEEPEST)) or data.custom_id
    parts = used.message.components if used.message else []
    labels = _labels(parts, data, _DEEPEST)
    return ", ".join(labels) or ", ".join(data.values) or data.custom_id


def _leaves(options: Iterable[Option]) -> Iterator[Option]:
    """The values of a command, also those inside its subcommands."""
    for option in options:
        if option.type in _SUBCOMMANDS:
            yield from _leaves(option.options)
        elif option.value is not None:
            yield option


def _path(data: Data) -> list[str]:
    names, options = [], data.options
    while options and options[0].type in _SUBCOMMANDS:
        names.append(options[0].name)
        options = options[0].options
    return names


def _files(data: Data) -> Iterator[Attachment]:
    for option in _leaves(data.options):
        file = data.resolved.attachments.get(str(option.value)) if option.type == _FILE_OPTION else None
        if file is not None:
            yield attachment(file)


def _inside(component: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The components in a row, a section or a label."""
    components = component.get("components")
    items = list(components) if isinstance(components, list) else []
    items += [component.get("component"), component.get("accessory")]
    return [item for item in items if isinstance(item, dict)]


def _labels(components: Iterable[Mapping[str, Any]], data: Data, depth: int) -> list[str]:
    """What stands on the button that was pressed, or on what was picked in a menu."""
    for component in components if depth else ():
        if component.get("custom_id") == data.custom_id:
            options = component.get("options")
            if not isinstance(options, list):
                return [label] if isinstance(label := component.get("label"), str) else []
            values = frozenset(data.values)
            chosen = [option for option in options if isinstance(option, dict) and str(option.get("value")) in values]
            return [str(option["label"]) for option in chosen if isinstance(option.get("label"), str)]
        if inner := _labels(_inside(component), data, depth - 1):
            return inner
    return []


def _entered(components: Iterable[Mapping[str, Any]], depth: int) -> Iterator[str]:
    for component in components if depth else ():
        if isinstance(value := component.get("value"), str) and value:
            yield value
        values = component.get("values")
        yield from (item for item in (values if isinstance(values, list) else ()) if isinstance(item, str))
        yield from _entered(_inside(component), depth - 1)
