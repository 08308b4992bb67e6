"""From the normal form to `chat.postMessage` and reactions.

https://docs.slack.dev/reference/methods/chat.postMessage
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from shared.channel.outbound import Sent
from shared.channelkit.attachments import as_links, each_before_text, joined
from shared.channelkit.files import content_of
from shared.channelkit.notations import slack_escaped as escaped
from shared.channelkit.notations import slack_link
from shared.channelkit.rendering import apply_markup
from shared.channels.slack.api import PROVIDER, ask, call, result, text_of
from shared.channels.slack.config import SlackConfig
from shared.channels.slack.mrkdwn import emoji_name
from shared.channels.slack.uploads import upload
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment
from shared.domain.outbox import Choice, OutboxPayload, ReactionTo
from shared.errors import OutcomeUnknown, ProviderRejected

MAX_CHOICES = 25
"""Elements in a block of actions."""
_SECTION, _LABEL = 3000, 75
"""Characters of a section's text and of a button's label."""


def parts(payload: OutboxPayload) -> list[OutboxPayload]:
    """A message for each file that the hub holds but the first: each takes several calls, and has to end in time."""
    own_files = [attachment for attachment in payload.attachments if attachment.sha256 is not None]
    return each_before_text(payload, own_files[1:])


def send(deps: Deps, instance: Instance, config: SlackConfig, payload: OutboxPayload) -> Sent:
    """Post the text with its files as links and its choices as buttons, into the thread that the conversation is.

    Files that the hub holds are uploaded.
    """
    if payload.reaction:
        return _react(deps, config, payload.reaction)
    channel, thread = place_of(payload)
    text = joined([text_of_message(payload), *_uploads(deps, instance, config, payload)])
    if not text:
        raise ProviderRejected(PROVIDER, "there is neither a text nor a file that could be sent")
    body: dict[str, Any] = {"channel": channel, "text": text}
    if thread:
        body["thread_ts"] = thread
    if payload.choices:
        body["blocks"] = question(text, payload.choices)
    posted = result(call(deps, config, "chat.postMessage", body))
    ts = text_of(posted, "ts")
    if ts is None:
        raise OutcomeUnknown(PROVIDER, "the answer does not name the message")
    place = text_of(posted, "channel") or channel
    # A message to a person opens the direct messages with them, which have an id of their own.
    moved = place if place != channel and ":" not in payload.to else None
    note = as_links(payload.attachments)
    return Sent(external_message_id=f"{place}:{ts}", external_conversation_id=moved, note=note)


def _uploads(deps: Deps, instance: Instance, config: SlackConfig, payload: OutboxPayload) -> Iterator[str]:
    """Links that share the files that the hub holds."""
    for attachment in payload.attachments:
        if attachment.sha256 is not None:
            permalink = upload(deps, config, content_of(deps, instance, attachment))
            yield slack_link(escaped(attachment.file_name or ""), permalink)


def place_of(payload: OutboxPayload) -> tuple[str, str]:
    """The channel where the message goes, and the thread's `ts` there; without a thread ``""``."""
    channel, _, thread = payload.to.partition(":")
    return channel, thread or _thread(payload, channel) or ""


def text_of_message(payload: OutboxPayload) -> str:
    """The text with its files as links, in Slack's notation."""
    return joined([_text(payload), *map(_link, payload.attachments)])


def _text(payload: OutboxPayload) -> str:
    return escaped(payload.text or "") if payload.spans is None else apply_markup("slack", payload).text or ""


def question(text: str, choices: Sequence[Choice]) -> list[dict[str, Any]]:
    """The text with a button for each choice (https://docs.slack.dev/reference/block-kit/blocks/actions-block)."""
    if len(choices) > MAX_CHOICES:
        raise ProviderRejected(PROVIDER, f"a message has room for {MAX_CHOICES} choices")
    about = [f"{escaped(choice.title)}: {escaped(choice.description)}" for choice in choices if choice.description]
    whole = "\n".join([text, *about])
    sections = [{"type": "section", "text": {"type": "mrkdwn", "text": part}} for part in _pieces(whole)]
    buttons = [
        {
            "type": "button",
            "action_id": f"choice-{number}",
            "text": {"type": "plain_text", "text": choice.title[:_LABEL]},
            "value": choice.id,
        }
        for number, choice in enumerate(choices)
    ]
    return [*sections, {"type": "actions", "block_id": "choices", "elements": buttons}]


def _pieces(text: str) -> Iterator[str]:
    """The text in sections, cut between words, so that no `&amp;` is cut in two."""
    while len(text) > _SECTION:
        cut = max(text.rfind(" ", 1, _SECTION), text.rfind("\n", 1, _SECTION))
        cut = cut if cut > 0 else _SECTION
        yield text[:cut]
        text = text[cut:]
    yield text


def _thread(payload: OutboxPayload, channel: str) -> str | None:
    """In direct messages: the thread that the person wrote in last, else that of the message answered to."""
    latest = payload.context.get("thread_ts")
    if isinstance(latest, str):
        return latest
    place, _, ts = (payload.reply_to or "").partition(":")
    return ts if place == channel and ts else None


def _link(attachment: Attachment) -> str:
    if attachment.latitude is not None and attachment.longitude is not None:
        spot = f"https://maps.google.com/?q={attachment.latitude},{attachment.longitude}"
        return "\n".join([*(escaped(word) for word in (attachment.name, attachment.address) if word), spot])
    if not attachment.url:
        return ""
    return slack_link(escaped(attachment.file_name or ""), attachment.url)


def _react(deps: Deps, config: SlackConfig, reaction: ReactionTo) -> Sent:
    channel, _, ts = reaction.external_message_id.partition(":")
    if not ts or ":" in ts:
        raise ProviderRejected(PROVIDER, "the message to react to is not one of Slack's")
    message = {"channel": channel, "timestamp": ts}
    if reaction.emoji:
        name = emoji_name(reaction.emoji)
        if name is None:
            raise ProviderRejected(PROVIDER, f"Slack knows reactions by name: give :name: instead of {reaction.emoji}")
        _unless(deps, config, "reactions.add", message | {"name": name}, "already_reacted")
        return Sent(external_message_id=None)
    for name in _own_reactions(deps, config, message):
        _unless(deps, config, "reactions.remove", message | {"name": name}, "no_reaction")
    return Sent(external_message_id=None)


def _unless(deps: Deps, config: SlackConfig, method: str, body: dict[str, str], done_already: str) -> None:
    reply = call(deps, config, method, body)
    if reply.error != done_already:
        result(reply)


def _own_reactions(deps: Deps, config: SlackConfig, message: dict[str, str]) -> Iterator[str]:
    answer = ask(deps, config, "reactions.get", message | {"full": "true"}).get("message")
    reactions = answer.get("reactions") if isinstance(answer, dict) else None
    for reaction in reactions if isinstance(reactions, list) else ():
        users = reaction.get("users") if isinstance(reaction, dict) else None
        if isinstance(users, list) and config.bot_user_id in users and isinstance(reaction.get("name"), str):
            yield reaction["name"]
