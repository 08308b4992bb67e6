"""Asking an external agent service, by its own HTTP protocol."""

from __future__ import annotations

import json
from typing import Any

from shared.answering.turns import Turn
from shared.deps import Deps
from shared.domain.instances import ExternalAgent
from shared.domain.messages import Attachment, Message, MessageKind
from shared.errors import OutcomeUnknown, ProviderUnavailable
from shared.outgoing import Answer

_NAME = "the agent service"
_MESSAGE_TYPES = frozenset(
    {
        MessageKind.IMAGE,
        MessageKind.AUDIO,
        MessageKind.VIDEO,
        MessageKind.DOCUMENT,
        MessageKind.LOCATION,
        MessageKind.CONTACT,
    }
)


def ask_external(deps: Deps, turn: Turn, agent: ExternalAgent, api_key: str) -> str:
    """Return the service's answer; an empty one means: say nothing.

    `POST {api_url}/api/v1/agent/{default_agent}/run`. Anything but an answer in
    time raises `ProviderUnavailable`: asking again does no harm.
    """
    url = f"{agent.api_url.rstrip('/')}/api/v1/agent/{agent.default_agent}/run"
    try:
        answer = deps.http.request(
            "POST",
            url,
            provider=_NAME,
            json=_request(turn),
            headers={"x-api-key": api_key},
            timeout=agent.timeout,
        )
    except OutcomeUnknown as error:
        raise ProviderUnavailable(_NAME, error.reason) from error
    if not answer.ok:
        raise ProviderUnavailable(_NAME, f"answered with status {answer.status}", answer.retry_after)
    return _read(answer)


def _request(turn: Turn) -> dict[str, Any]:
    conversation, unanswered = turn.conversation, turn.unanswered
    last = unanswered[-1]
    return {
        "message_content": turn.text,
        "message_type": last.kind.value if last.kind in _MESSAGE_TYPES else "text",
        "session_name": f"{turn.instance.session_id_prefix}{conversation.external_conversation_id}",
        "session_origin": conversation.channel.value,
        "user": {
            "phone_number": conversation.customer_phone,
            "email": None,
            "user_data": {
                "name": conversation.customer_name or last.author_name,
                "external_id": last.author_id or conversation.external_user_id,
            },
        },
        "media_contents": [_media(attachment) for message in unanswered for attachment in _files(message)],
        "message_limit": 100,
    }


def _files(message: Message) -> list[Attachment]:
    places = (MessageKind.LOCATION, MessageKind.CONTACT)
    return [attachment for attachment in message.attachments if attachment.type not in places]


def _media(attachment: Attachment) -> dict[str, str | None]:
    return {
        "mime_type": attachment.mime_type,
        "media_url": attachment.url,
        "file_name": attachment.file_name,
    }


def _read(answer: Answer) -> str:
    """A JSON object with `message`, a JSON string, or plain text."""
    text = answer.text.strip()
    is_json = "json" in answer.headers.get("content-type", "") or text[:1] in ('"', "{")
    if not is_json:
        return text
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProviderUnavailable(_NAME, "answered with broken JSON") from error
    if isinstance(body, str):
        return body.strip()
    if isinstance(body, dict) and body.get("success", True) is not False:
        message = body.get("message")
        if isinstance(message, str):
            return message.strip()
    raise ProviderUnavailable(_NAME, "answered with JSON that has no message")
