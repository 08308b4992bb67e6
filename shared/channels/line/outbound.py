"""Sending: with the reply token while it is good, which costs nothing, else as a push message.

https://developers.line.biz/en/reference/messaging-api/#messages
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.channel.outbound import Sent
from shared.channelkit.attachments import as_links
from shared.channels.line.api import body_of, call, refused, result
from shared.channels.line.config import PROVIDER, LineConfig
from shared.channels.line.message_objects import messages_of, told_in_words
from shared.channels.line.presence import mark_read
from shared.channels.line.quotes import quote_token
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload
from shared.errors import OutcomeUnknown, ProviderError, ProviderRejected, ProviderUnavailable

_log = logging.getLogger(__name__)

REPLY_TOKEN_LIFE = timedelta(seconds=50)
"""LINE takes a reply token for a minute after the event, and once."""

_MESSAGES_A_CALL = 5
_ACCEPTED_BEFORE = 409

Objects = Sequence[dict[str, Any]]


def send(deps: Deps, instance: Instance, config: LineConfig, payload: OutboxPayload) -> Sent:
    """Send all attachments and the text, which one call can carry unless there are more than five.

    Raises `OutcomeUnknown` only for a reply: a push message may be tried again as often as needed.
    """
    if payload.reaction:
        raise ProviderRejected(PROVIDER, "LINE lets no account react to a message")
    quoted = quote_token(deps, instance, payload.reply_to) if payload.reply_to else None
    messages = messages_of(payload, quoted)
    if not messages:
        raise ProviderRejected(PROVIDER, "there is neither a text nor a file that could be sent")
    sent_ids = _reply(deps, config, payload, messages)
    if sent_ids is None:
        sent_ids = list(_push(deps, config, payload, messages))
    if config.mark_read:
        _mark_read(deps, instance, config, payload)
    note = as_links(told_in_words(payload))
    return Sent(external_message_id=next(iter(sent_ids), None), note=note, further_ids=tuple(sent_ids[1:]))


def _reply(deps: Deps, config: LineConfig, payload: OutboxPayload, messages: Objects) -> list[str] | None:
    """Send with the reply token; None where it cannot be used (any more).

    A reply has no key by which LINE would know a second try, so an answer that does not tell leaves all open.
    """
    token = payload.context.get("reply_token")
    if len(messages) > _MESSAGES_A_CALL or not may_be_reply(payload, deps.now()):
        return None
    answer = call(deps, config, "POST", "message/reply", json={"replyToken": token, "messages": messages})
    if answer.status >= 500:
        raise OutcomeUnknown(PROVIDER, refused(answer).reason)
    if answer.status == 400 and "reply token" in str(body_of(answer).get("message")).lower():
        return None
    return _ids(result(answer))


def may_be_reply(payload: OutboxPayload, at: datetime) -> bool:
    """Whether there is a reply token that was still good at that time."""
    if not payload.context.get("reply_token"):
        return False
    try:
        return at - datetime.fromisoformat(str(payload.context.get("sent_at"))) < REPLY_TOKEN_LIFE
    except (TypeError, ValueError):
        return False


def _push(deps: Deps, config: LineConfig, payload: OutboxPayload, messages: Objects) -> Iterator[str]:
    """Send up to five messages a call; the retry key keeps LINE from taking the same call twice within a day.

    https://developers.line.biz/en/docs/messaging-api/retrying-api-request/
    """
    for start in range(0, len(messages), _MESSAGES_A_CALL):
        body = {"to": payload.to, "messages": messages[start : start + _MESSAGES_A_CALL]}
        key = _retry_key(payload, start)
        try:
            answer = call(deps, config, "POST", "message/push", json=body, headers={"X-Line-Retry-Key": key})
            yield from _ids(body_of(answer) if answer.status == _ACCEPTED_BEFORE else result(answer))
        except OutcomeUnknown as error:
            raise ProviderUnavailable(PROVIDER, error.reason) from None


def _retry_key(payload: OutboxPayload, start: int) -> str:
    """The same for every try to send the same messages."""
    if payload.message_id is None:
        return str(uuid.uuid4())
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{payload.message_id}/{start}"))


def _ids(body: object) -> list[str]:
    sent = body.get("sentMessages") if isinstance(body, dict) else None
    items = sent if isinstance(sent, list) else []
    return [item["id"] for item in items if isinstance(item, dict) and isinstance(item.get("id"), str)]


def _mark_read(deps: Deps, instance: Instance, config: LineConfig, payload: OutboxPayload) -> None:
    """Show the customer that their messages were read; the answer does not depend on it."""
    try:
        mark_read(deps, instance, config, payload, [])
    except ProviderError as error:
        _log.info("a message was not marked as read", extra={"why": error.reason})
