"""From the normal form to Instagram's Send API.

https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/messaging-api/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from shared.channel.outbound import Sent
from shared.channelkit import messenger
from shared.channelkit.attachments import as_links, in_words, joined
from shared.channelkit.cutting import cut_text, utf8_length
from shared.channelkit.meta import Reply
from shared.channels.instagram.api import call, result
from shared.channels.instagram.config import PROVIDER, InstagramConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import Choice, OutboxPayload
from shared.errors import ProviderRejected

TEXT_BYTES = 1000
_QUICK_REPLY_TITLE = 20
_REACTIONS = {"❤": "love", "😆": "laugh", "😂": "laugh", "😮": "wow", "😢": "sad", "😠": "angry", "👍": "like"}
_VARIATION = "\ufe0f"

Post = Callable[[Mapping[str, Any]], Reply]


def parts(payload: OutboxPayload) -> list[OutboxPayload]:
    """The files and then the text in pieces, each of which Instagram takes only as messages of their own."""
    *files, last = messenger.parts(payload)
    if any(attachment.url for attachment in last.attachments) or payload.reaction:
        return [*files, last]
    pieces = cut_text(joined([last.text, *map(in_words, last.attachments)]), TEXT_BYTES, utf8_length)
    texts = [last.model_copy(update={"text": piece, "attachments": [], "choices": []}) for piece in pieces]
    if not texts:
        return [*files, last]
    return [*files, *texts[:-1], texts[-1].model_copy(update={"choices": payload.choices})]


def send(deps: Deps, instance: Instance, config: InstagramConfig, payload: OutboxPayload) -> Sent:
    """Send a file, a text, or a reaction. A file that Meta cannot use goes as a link in a text."""
    post = _poster(deps, instance, config, payload)
    if payload.reaction:
        name = _REACTIONS.get(payload.reaction.emoji.replace(_VARIATION, ""), payload.reaction.emoji)
        result(post(messenger.reaction_of(payload.reaction, name)))
        return Sent(external_message_id=None)
    file = next((attachment for attachment in payload.attachments if attachment.url), None)
    if file is None:
        return _send_text(post, joined([payload.text, *map(in_words, payload.attachments)]), payload.choices)
    reply = post(_message({"attachment": messenger.file_of(file)}))
    if messenger.file_refused(reply):
        return replace(_send_text(post, in_words(file), []), note=as_links([file]))
    return Sent(external_message_id=messenger.message_id(result(reply)))


def _send_text(post: Post, text: str, choices: list[Choice]) -> Sent:
    if not text:
        raise ProviderRejected(PROVIDER, "there is neither a text nor a file that could be sent")
    reply = post(_message({"text": text, **_quick_replies(choices)}))
    return Sent(external_message_id=messenger.message_id(result(reply)))


def _poster(deps: Deps, instance: Instance, config: InstagramConfig, payload: OutboxPayload) -> Post:
    """Sends to the customer; what a person wrote is sent for up to seven days after the customer's last message."""

    def post(body: Mapping[str, Any]) -> Reply:
        reply = post_to(deps, instance, config, payload, body)
        if payload.automatic or not messenger.outside_window(reply):
            return reply
        tagged = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
        return post_to(deps, instance, config, payload, {**body, **tagged})

    return post


def post_to(
    deps: Deps, instance: Instance, config: InstagramConfig, payload: OutboxPayload, body: Mapping[str, Any]
) -> Reply:
    """Call the Send API about the customer."""
    sender = config.page_id if config.is_page_linked else instance.external_id
    path = f"{quote(sender or 'me', safe='')}/messages"
    return call(deps, config, "POST", path, json={"recipient": {"id": payload.to}, **body})


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    return {"messaging_type": "RESPONSE", "message": message}


def _quick_replies(choices: list[Choice]) -> dict[str, Any]:
    """Up to 13, which people see in the app alone."""
    if not choices:
        return {}
    options = [
        {"content_type": "text", "title": choice.title[:_QUICK_REPLY_TITLE], "payload": choice.id} for choice in choices
    ]
    return {"quick_replies": options}
