"""Messenger's Send API, which Instagram has as well: what it takes, and what its error codes mean.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.channel.media import Media
from shared.channel.outbound import Sent
from shared.channelkit import meta
from shared.channelkit.attachments import each_before_text
from shared.channelkit.comparing import says_the_same
from shared.channelkit.meta import Reply
from shared.channelkit.multipart import form
from shared.domain.messages import Attachment, MessageKind
from shared.domain.outbox import OUTSIDE_WINDOW, OutboxPayload, ReactionTo
from shared.errors import ProviderRejected

PAGE_FIELDS = (
    "messages",
    "messaging_postbacks",
    "message_deliveries",
    "message_reads",
    "message_echoes",
    "message_edits",
    "message_reactions",
)
"""What an app subscribes to of a page. Any of them makes the events of a linked Instagram account come, too; all of
them each time, for a subscription takes the place of the one before."""

_TYPES = {MessageKind.IMAGE: "image", MessageKind.AUDIO: "audio", MessageKind.VIDEO: "video"}
_OUTSIDE_WINDOW = frozenset({(10, 2018278), (10, 2018065), (10, 2534022)})
_TEMPORARY = frozenset({1, 2, 4, 17, 32, 613, 1200})
_FINAL = frozenset({10, 100, 190, 230, 551, *range(200, 300)})
_FILE_SUBCODES = frozenset({2018008, 2018047, 2018109, 2018294})
_FILE_CODES = frozenset({389, 546})
_FILE_PHRASES = ("failed to fetch the file", "upload attachment failure", "fetch video file")


def file_refused(reply: Reply) -> bool:
    """Whether it was the attachment's file that Meta could not use."""
    message = reply.message.lower()
    is_file_code = reply.subcode in _FILE_SUBCODES or reply.code in _FILE_CODES
    return not reply.ok and (is_file_code or any(phrase in message for phrase in _FILE_PHRASES))


def outside_window(reply: Reply) -> bool:
    """Whether the customer wrote too long ago."""
    return not reply.ok and (reply.code, reply.subcode) in _OUTSIDE_WINDOW


def result(provider: str, reply: Reply, hints: Mapping[int, str]) -> Mapping[str, Any]:
    """The body of an answer; `hints` help the operator with a code.

    Raises `ProviderRejected`, `ProviderUnavailable` or, if unreadable, `OutcomeUnknown`.
    """
    if reply.ok:
        return meta.body_of(provider, reply)
    if outside_window(reply):
        raise ProviderRejected(provider, OUTSIDE_WINDOW)
    raise meta.sorted_refusal(provider, reply, hints.get(reply.code), temporary=_TEMPORARY, final=_FINAL)


def message_id(sent: Mapping[str, Any]) -> str | None:
    """The id in the answer to a message that was sent."""
    mid = sent.get("message_id")
    return mid if isinstance(mid, str) else None


def parts(payload: OutboxPayload) -> list[OutboxPayload]:
    """Every file and then the text, each of which Meta takes only as a message of its own."""
    return each_before_text(payload, [attachment for attachment in payload.attachments if attachment.has_content])


def file_of(attachment: Attachment) -> dict[str, Any]:
    """A file as the Send API takes it: by its address."""
    return {
        "type": _TYPES.get(attachment.type, "file"),
        "payload": {"url": attachment.url, "is_reusable": False},
    }


def upload_form(attachment: Attachment, media: Media) -> tuple[bytes, str]:
    """What `/{page}/message_attachments` takes of a file that the hub holds, and the body's content type."""
    about = {"type": _TYPES.get(attachment.type, "file"), "payload": {"is_reusable": True}}
    return form({"message": json.dumps({"attachment": about})}, {"filedata": media})


def uploaded(attachment: Attachment, attachment_id: str) -> dict[str, Any]:
    """A file as the Send API takes it: by the id under which Meta has it."""
    return {"type": _TYPES.get(attachment.type, "file"), "payload": {"attachment_id": attachment_id}}


def reaction_of(reaction: ReactionTo, name: str) -> dict[str, Any]:
    """The call's part that says how to react; an empty `name` takes the former reaction back."""
    about = {"message_id": reaction.external_message_id}
    if not name:
        return {"sender_action": "unreact", "payload": about}
    return {"sender_action": "react", "payload": about | {"reaction": name}}


CONVERSATION_FIELDS = "messages.limit(30){id,message,created_time,from,attachments{mime_type}}"
"""What is asked of a conversation to know what was sent (graph.facebook.com, `/{page}/conversations`)."""


def sent_messages(body: Mapping[str, Any], payload: OutboxPayload, since: datetime) -> list[Sent]:
    """What the answer about a customer's conversation shows of the business that says the same, the oldest first."""
    threads = body.get("data")
    messages = [
        message
        for thread in (threads if isinstance(threads, list) else [])
        for message in _messages(thread)
        if _sender(message) != payload.to and _created_at(message) >= since and _says_the_same(payload, message)
    ]
    return [Sent(external_message_id=message["id"]) for message in sorted(messages, key=_created_at)]


def _messages(thread: object) -> list[dict[str, Any]]:
    holder = thread.get("messages") if isinstance(thread, dict) else None
    messages = holder.get("data") if isinstance(holder, dict) else None
    listed = messages if isinstance(messages, list) else []
    return [message for message in listed if isinstance(message, dict) and isinstance(message.get("id"), str)]


def _sender(message: Mapping[str, Any]) -> object:
    sender = message.get("from")
    return sender.get("id") if isinstance(sender, dict) else None


def _created_at(message: Mapping[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(str(message.get("created_time")).replace("+0000", "+00:00"))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _says_the_same(payload: OutboxPayload, message: Mapping[str, Any]) -> bool:
    text = message.get("message")
    holder = message.get("attachments")
    files = holder.get("data") if isinstance(holder, dict) else None
    kinds = [_kind(file) for file in (files if isinstance(files, list) else []) if isinstance(file, dict)]
    return says_the_same(payload, None, text if isinstance(text, str) else None, kinds)


def _kind(file: Mapping[str, Any]) -> MessageKind:
    word = str(file.get("mime_type") or "").partition("/")[0]
    return next((kind for kind, name in _TYPES.items() if name == word), MessageKind.DOCUMENT)
