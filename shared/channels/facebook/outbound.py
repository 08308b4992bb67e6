"""From the normal form to Messenger's Send API.

https://developers.facebook.com/docs/messenger-platform/reference/send-api/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from shared.channel.outbound import Sent
from shared.channelkit import messenger
from shared.channelkit.messenger import file_of, file_refused, in_words, joined, message_id
from shared.channelkit.meta import Reply
from shared.channelkit.providers import note_if_unsent
from shared.channels.facebook.api import PROVIDER, call, result
from shared.channels.facebook.config import FacebookConfig
from shared.channels.facebook.inbound import FOLLOWING_TEXT
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import OutboxPayload, ReactionTo
from shared.errors import ProviderRejected

Post = Callable[[Mapping[str, Any]], Reply]


def send(deps: Deps, instance: Instance, config: FacebookConfig, payload: OutboxPayload) -> Sent:
    """Send the first attachment and then the text, which Messenger takes only as messages of their own.

    When only the text fails the result says so in `note`, for the attachment
    must not be sent twice. A file that Meta cannot use becomes a link in the text.
    """
    page = quote(instance.external_id or "me", safe="")
    post: Post = partial(_post, deps, config, f"{page}/messages")
    recipient = {"recipient": {"id": payload.to}}
    if payload.reaction:
        return _react(post, recipient, payload.reaction)
    frame = recipient | {"messaging_type": "RESPONSE"}
    reply_to = {"reply_to": {"mid": payload.reply_to}} if payload.reply_to else {}
    attachment = payload.attachments[0] if payload.attachments else None
    if attachment is None or attachment.url is None:
        return _send_text(post, frame | reply_to, joined(payload.text, in_words(attachment) if attachment else None))
    reply = post(frame | reply_to | {"message": {"attachment": file_of(attachment)}})
    if file_refused(reply):
        return _send_text(post, frame | reply_to, joined(payload.text, attachment.url))
    mid = message_id(result(reply))
    if not payload.text:
        return Sent(external_message_id=mid)
    following = frame | {"message": {"text": payload.text, "metadata": FOLLOWING_TEXT}}
    note = note_if_unsent("the text", lambda: result(post(following)))
    return Sent(external_message_id=mid, note=note)


def _post(deps: Deps, config: FacebookConfig, path: str, body: Mapping[str, Any]) -> Reply:
    return call(deps, config, "POST", path, json=body)


def _react(post: Post, recipient: Mapping[str, Any], reaction: ReactionTo) -> Sent:
    result(post({**recipient, **messenger.reaction_of(reaction, reaction.emoji)}))
    return Sent(external_message_id=None)


def _send_text(post: Post, frame: Mapping[str, Any], text: str) -> Sent:
    if not text:
        raise ProviderRejected(PROVIDER, "there is neither a text nor a file that could be sent")
    return Sent(external_message_id=message_id(result(post({**frame, "message": {"text": text}}))))
