"""From the normal form to Messenger's Send API.

https://developers.facebook.com/docs/messenger-platform/reference/send-api/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

from shared.channel.outbound import Sent
from shared.channelkit import messenger
from shared.channelkit.attachments import as_links, in_words, joined
from shared.channelkit.files import content_of
from shared.channelkit.messenger import file_of, file_refused, message_id
from shared.channelkit.meta import Reply
from shared.channels.facebook.api import PROVIDER, call, result
from shared.channels.facebook.config import FacebookConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment
from shared.domain.outbox import OutboxPayload, ReactionTo
from shared.errors import OutcomeUnknown, ProviderRejected, ProviderUnavailable

Post = Callable[[Mapping[str, Any]], Reply]


def parts(payload: OutboxPayload) -> list[OutboxPayload]:
    """The files, then the text, which Messenger takes only as messages of their own."""
    return messenger.parts(payload)


def send(deps: Deps, instance: Instance, config: FacebookConfig, payload: OutboxPayload) -> Sent:
    """Send a file, a text, or a reaction. A file that Meta cannot use goes as a link in a text."""
    post: Post = partial(_post, deps, config, f"{_page(instance)}/messages")
    recipient = {"recipient": {"id": payload.to}}
    if payload.reaction:
        return _react(post, recipient, payload.reaction)
    reply_to = {"reply_to": {"mid": payload.reply_to}} if payload.reply_to else {}
    frame = recipient | {"messaging_type": "RESPONSE"} | reply_to
    file = next((attachment for attachment in payload.attachments if attachment.has_content), None)
    if file is None:
        return _send_text(post, frame, joined([payload.text, *map(in_words, payload.attachments)]))
    source = file_of(file) if file.sha256 is None else _uploaded(deps, instance, config, file)
    reply = post(frame | {"message": {"attachment": source}})
    if file_refused(reply) and file.url:
        return replace(_send_text(post, frame, in_words(file)), note=as_links([file]))
    return Sent(external_message_id=message_id(result(reply)))


def post_to(
    deps: Deps, instance: Instance, config: FacebookConfig, payload: OutboxPayload, body: Mapping[str, Any]
) -> Reply:
    """Call the Send API about the customer."""
    return _post(deps, config, f"{_page(instance)}/messages", {"recipient": {"id": payload.to}, **body})


def _page(instance: Instance) -> str:
    return quote(instance.external_id or "me", safe="")


def _uploaded(deps: Deps, instance: Instance, config: FacebookConfig, attachment: Attachment) -> Mapping[str, Any]:
    """Upload a file that the hub holds.

    Raises `ProviderRejected`, or `ProviderUnavailable` for anything that may pass: nothing has been sent yet.
    """
    body, content_type = messenger.upload_form(attachment, content_of(deps, instance, attachment))
    headers = {"Content-Type": content_type}
    try:
        answer = result(
            call(deps, config, "POST", f"{_page(instance)}/message_attachments", data=body, headers=headers)
        )
    except OutcomeUnknown as error:
        raise ProviderUnavailable(PROVIDER, f"the file could not be uploaded: {error.reason}") from None
    attachment_id = answer.get("attachment_id")
    if not isinstance(attachment_id, str):
        raise ProviderRejected(PROVIDER, "Meta gave the file no id")
    return messenger.uploaded(attachment, attachment_id)


def _post(deps: Deps, config: FacebookConfig, path: str, body: Mapping[str, Any]) -> Reply:
    return call(deps, config, "POST", path, json=body)


def _react(post: Post, recipient: Mapping[str, Any], reaction: ReactionTo) -> Sent:
    result(post({**recipient, **messenger.reaction_of(reaction, reaction.emoji)}))
    return Sent(external_message_id=None)


def _send_text(post: Post, frame: Mapping[str, Any], text: str) -> Sent:
    if not text:
        raise ProviderRejected(PROVIDER, "there is neither a text nor a file that could be sent")
    return Sent(external_message_id=message_id(result(post({**frame, "message": {"text": text}}))))
