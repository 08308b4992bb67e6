"""From the normal form to Instagram's Send API.

https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/messaging-api/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from shared.channel.outbound import Sent
from shared.channelkit import messenger
from shared.channelkit.cutting import cut_text, utf8_length
from shared.channelkit.meta import Reply
from shared.channels.instagram.api import call, result
from shared.channels.instagram.config import PROVIDER, InstagramConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Choice, OutboxPayload
from shared.errors import ProviderError, ProviderRejected

TEXT_BYTES = 1000
_QUICK_REPLY_TITLE = 20
_REACTIONS = {"❤": "love", "😆": "laugh", "😂": "laugh", "😮": "wow", "😢": "sad", "😠": "angry", "👍": "like"}
_VARIATION = "\ufe0f"

Post = Callable[[Mapping[str, Any]], Reply]


def send(deps: Deps, instance: Instance, config: InstagramConfig, payload: OutboxPayload) -> Sent:
    """Send every attachment and then the text, each of which Instagram takes only as messages of their own.

    When the first is out and a later one fails the result says so in `note`, for what is out must not be sent twice.
    """
    post = _poster(deps, instance, config, payload)
    if payload.reaction:
        name = _REACTIONS.get(payload.reaction.emoji.replace(_VARIATION, ""), payload.reaction.emoji)
        result(post(messenger.reaction_of(payload.reaction, name)))
        return Sent(external_message_id=None)
    ids: list[str | None] = []
    note = None
    try:
        for mid in _send_all(post, payload):
            ids.append(mid)
    except ProviderError as error:
        if not ids:
            raise
        note = f"the rest was not sent: {error.reason}"
    if not ids:
        raise ProviderRejected(PROVIDER, "there is neither a text nor a file that could be sent")
    return Sent(external_message_id=ids[0], note=note, further_ids=tuple(mid for mid in ids[1:] if mid))


def _poster(deps: Deps, instance: Instance, config: InstagramConfig, payload: OutboxPayload) -> Post:
    """Sends to the customer; what a person wrote is sent for up to seven days after the customer's last message."""
    sender = config.page_id if config.is_page_linked else instance.external_id
    path, recipient = f"{quote(sender or 'me', safe='')}/messages", {"recipient": {"id": payload.to}}

    def post(body: Mapping[str, Any]) -> Reply:
        reply = call(deps, config, "POST", path, json={**recipient, **body})
        if payload.automatic or not messenger.outside_window(reply):
            return reply
        tagged = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
        return call(deps, config, "POST", path, json={**recipient, **body, **tagged})

    return post


def _send_all(post: Post, payload: OutboxPayload) -> Iterator[str | None]:
    """The ids of what was sent, one after the other. A file that Meta cannot use becomes a link in the text."""
    text_parts: list[str | None] = [payload.text]
    for attachment in payload.attachments:
        link = attachment.url
        if link:
            reply = post(_message({"attachment": messenger.file_of(attachment)}))
            if not messenger.file_refused(reply):
                yield messenger.message_id(result(reply))
                continue
        text_parts.append(link or messenger.in_words(attachment))
    pieces = cut_text(messenger.joined(*text_parts), TEXT_BYTES, utf8_length)
    for number, piece in enumerate(pieces, 1):
        choices = payload.choices if number == len(pieces) else []
        yield messenger.message_id(result(post(_message({"text": piece, **_quick_replies(choices)}))))


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
