"""From the normal form to messages, answers to interactions, and reactions.

https://docs.discord.com/developers/resources/message#create-message
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, ValidationError

from shared.channel.media import Media
from shared.channel.outbound import Sent
from shared.channelkit import files
from shared.channelkit.attachments import as_links, in_words, joined
from shared.channelkit.rendering import apply_markup
from shared.channels.discord.api import PROVIDER, Reply, call, call_by_token, result
from shared.channels.discord.config import DiscordConfig
from shared.channels.discord.sealing import unseal_token
from shared.deps import Deps
from shared.domain.content import Poll
from shared.domain.ids import stable_id
from shared.domain.instances import Instance
from shared.domain.outbox import Choice, OutboxPayload, ReactionTo
from shared.errors import OutcomeUnknown, ProviderRejected, ProviderUnavailable

MAX_CHOICES, MAX_CHOICE_ID = 25, 100
_ROW, _LABEL = 5, 80
_NONCE_LENGTH = 25
_THINKING = 1 << 7
"""The flag LOADING of a message that was promised and not given yet."""
_FORWARD = 1
_DEAD = frozenset({10008, 10015, 50027})
"""Unknown message, unknown webhook, invalid webhook token: an address that must not be called again."""

Api = Callable[..., Reply]


class _Answering(BaseModel):
    """What an interaction left in the context to answer it with; `thinking` where a message was promised.

    `token` is sealed as long as it is in the context.
    """

    application_id: str
    token: str
    until: AwareDatetime
    thinking: bool

    @property
    def path(self) -> str:
        return f"webhooks/{quote(self.application_id, safe='')}/{quote(self.token, safe='')}"


def send(deps: Deps, instance: Instance, config: DiscordConfig, payload: OutboxPayload) -> Sent:
    """Answer the interaction while its token is good, else write into the channel or to the person.

    Files go as links, those that the hub holds as themselves. Nobody is notified by what stands in the text.
    """
    api: Api = partial(call, deps, instance, config)
    if payload.reaction:
        return _react(api, payload.reaction)
    if (forwarded := _forward(payload)) is not None:
        return _post(api, payload, forwarded, {})
    content, uploads = "" if payload.poll else content_of(payload), _uploads(deps, instance, payload)
    if not content and not uploads and not payload.poll:
        raise ProviderRejected(PROVIDER, "there is neither a text nor a file that could be sent")
    message: dict[str, Any] = {"content": content, "allowed_mentions": {"parse": []}}
    if payload.poll:
        message["poll"] = _poll(payload.poll)
    if payload.choices:
        message["components"] = buttons(payload.choices)
    answering = _answering(instance, config, payload.context, deps.now())
    answered = _answer(partial(call_by_token, deps), answering, message, uploads) if answering else None
    return replace(answered or _post(api, payload, message, uploads), note=as_links(payload.attachments))


def _uploads(deps: Deps, instance: Instance, payload: OutboxPayload) -> dict[str, Media]:
    """The files that the hub holds, by the fields of the form."""
    own_files = [attachment for attachment in payload.attachments if attachment.sha256 is not None]
    return {f"files[{number}]": files.content_of(deps, instance, each) for number, each in enumerate(own_files)}


def _forward(payload: OutboxPayload) -> dict[str, Any] | None:
    """Passing on as Discord does it (https://docs.discord.com/developers/resources/message#message-reference-types)."""
    channel, _, number = (payload.original.external_message_id if payload.original else "").partition(":")
    if not (channel.isdecimal() and number.isdecimal()):
        return None
    return {"message_reference": {"type": _FORWARD, "channel_id": channel, "message_id": number}}


def _poll(poll: Poll) -> dict[str, Any]:
    """A poll for a day (https://docs.discord.com/developers/resources/poll#poll-create-request-object)."""
    answers = [{"poll_media": {"text": option}} for option in poll.options]
    return {"question": {"text": poll.question}, "answers": answers, "allow_multiselect": poll.multiple}


def content_of(payload: OutboxPayload) -> str:
    """The text in Discord's notation, with its files as links."""
    return joined([apply_markup("discord", payload).text, *map(in_words, payload.attachments)])


def channel_of(api: Api, payload: OutboxPayload) -> str:
    """The channel where the message goes: the conversation's, else the person's direct messages."""
    channel = payload.external_conversation_id
    return _direct(api, payload.to) if channel is None or channel == payload.external_user_id else channel


def buttons(choices: Sequence[Choice]) -> list[dict[str, Any]]:
    """A button for each choice, five in a row (https://docs.discord.com/developers/components/reference#action-row)."""
    if len(choices) > MAX_CHOICES or any(len(choice.id) > MAX_CHOICE_ID for choice in choices):
        raise ProviderRejected(
            PROVIDER, f"only {MAX_CHOICES} choices with ids of {MAX_CHOICE_ID} characters can be sent"
        )
    all_buttons = [
        {"type": 2, "style": 1, "label": choice.title[:_LABEL], "custom_id": choice.id} for choice in choices
    ]
    rows = [all_buttons[start : start + _ROW] for start in range(0, len(all_buttons), _ROW)]
    return [{"type": 1, "components": row} for row in rows]


def _answering(
    instance: Instance, config: DiscordConfig, context: Mapping[str, Any], now: datetime
) -> _Answering | None:
    try:
        answering = _Answering.model_validate(context.get("interaction"))
    except ValidationError:
        return None
    token = unseal_token(instance.id, config, answering.token) if answering.until > now else None
    return answering.model_copy(update={"token": token}) if token else None


def _answer(api: Api, answering: _Answering, message: Mapping[str, Any], uploads: Mapping[str, Media]) -> Sent | None:
    """Fill the promised message, or follow it with another one; None when there is no such address any more."""
    original = f"{answering.path}/messages/@original"
    thinking = answering.thinking and _is_thinking(api("GET", original))
    # Filling it twice leaves the same message, so what nobody knows the outcome of is simply done again.
    send = partial(api, files=uploads)
    reply = _twice(send, "PATCH", original, message) if thinking else send("POST", answering.path, message)
    if reply.code in _DEAD or (reply.answer.status == 404 and not reply.code):
        return None
    return sent_as(result(reply), None)


def _is_thinking(reply: Reply) -> bool:
    flags = reply.body.get("flags")
    return reply.answer.ok and isinstance(flags, int) and bool(flags & _THINKING)


def _post(api: Api, payload: OutboxPayload, message: Mapping[str, Any], uploads: Mapping[str, Media]) -> Sent:
    channel = channel_of(api, payload)
    body: dict[str, Any] = {**message}
    replied = None if "message_reference" in body else _replied(payload, channel)
    if replied:
        body["message_reference"] = {"message_id": replied, "fail_if_not_exists": False}
    path = f"channels/{quote(channel, safe='')}/messages"
    send = partial(api, files=uploads)
    if payload.message_id is None:
        return sent_as(result(send("POST", path, body)), payload.external_conversation_id)
    # With an enforced nonce Discord gives the first message again instead of making a second one, for some minutes.
    body |= {"nonce": stable_id(payload.message_id)[:_NONCE_LENGTH], "enforce_nonce": True}
    return sent_as(result(_twice(send, "POST", path, body)), payload.external_conversation_id)


def _replied(payload: OutboxPayload, channel: str) -> str | None:
    """The message to show the answer under: the one that was named, else the latest of this person in a channel."""
    quoted_channel, _, number = (payload.reply_to or "").partition(":")
    if quoted_channel == channel and number.isdecimal():
        return number
    latest = payload.context.get("message_id")
    return latest if isinstance(latest, str) and latest.isdecimal() else None


def _twice(api: Api, method: str, path: str, body: Mapping[str, Any]) -> Reply:
    """Do what may be done twice; a second time at once when nobody knows what became of the first."""
    try:
        return api(method, path, body)
    except OutcomeUnknown as unknown:
        try:
            reply = api(method, path, body)
        except (OutcomeUnknown, ProviderUnavailable):
            raise unknown from None
        if reply.answer.status == 429 or reply.answer.status >= 500:
            # Later it may be too late for the nonce, so this is not left to be tried again.
            raise unknown from None
        return reply


def _direct(api: Api, user_id: str) -> str:
    opened = result(api("POST", "users/@me/channels", {"recipient_id": user_id})).get("id")
    if not isinstance(opened, str):
        raise ProviderRejected(PROVIDER, "Discord opened no direct messages with this person")
    return opened


def sent_as(message: Mapping[str, Any], chat: str | None) -> Sent:
    """What Discord made of a message that was addressed to `chat`."""
    number, channel = message.get("id"), message.get("channel_id")
    if not isinstance(number, str) or not isinstance(channel, str):
        raise OutcomeUnknown(PROVIDER, "the answer does not name the message")
    moved = chat is not None and channel != chat
    return Sent(external_message_id=f"{channel}:{number}", external_conversation_id=channel if moved else None)


def _react(api: Api, reaction: ReactionTo) -> Sent:
    channel, _, message = reaction.external_message_id.partition(":")
    if not (channel.isdecimal() and message.isdecimal()):
        raise ProviderRejected(PROVIDER, "the message to react to is not one of Discord's")
    path = f"channels/{channel}/messages/{message}"
    if reaction.emoji:
        result(api("PUT", f"{path}/reactions/{quote(reaction.emoji, safe='')}/@me"))
        return Sent(external_message_id=None)
    reactions = result(api("GET", path)).get("reactions")
    for reaction in reactions if isinstance(reactions, list) else ():
        if isinstance(reaction, dict) and reaction.get("me") is True and (emoji := _emoji(reaction.get("emoji"))):
            result(api("DELETE", f"{path}/reactions/{quote(emoji, safe='')}/@me"))
    return Sent(external_message_id=None)


def _emoji(emoji: object) -> str | None:
    """An emoji as it stands in a path: itself, or `name:id` for one of a server's own."""
    if not isinstance(emoji, dict) or not isinstance(emoji.get("name"), str):
        return None
    return f"{emoji['name']}:{emoji['id']}" if isinstance(emoji.get("id"), str) else str(emoji["name"])
