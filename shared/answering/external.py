"""Asking an external agent service, by its own HTTP protocol."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from shared.answering.turns import Turn, in_words
from shared.deps import Deps
from shared.domain.conversations import Conversation
from shared.domain.instances import ExternalAgent
from shared.domain.messages import Attachment, Message, MessageKind, is_file
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
    time raises `ProviderUnavailable`: asking again does no harm, for the service
    can tell by `Idempotency-Key`, the id of the message to answer, that it was asked before.
    """
    url = f"{agent.api_url.rstrip('/')}/api/v1/agent/{quote(agent.default_agent, safe='')}/run"
    try:
        answer = deps.http.request(
            "POST",
            url,
            provider=_NAME,
            json=_request(turn),
            headers={"x-api-key": api_key, "Idempotency-Key": turn.to_answer[-1].id},
            timeout=agent.timeout,
        )
    except OutcomeUnknown as error:
        raise ProviderUnavailable(_NAME, error.reason) from error
    if not answer.ok:
        raise ProviderUnavailable(_NAME, f"answered with status {answer.status}", answer.retry_after)
    return _read(answer)


def _request(turn: Turn) -> dict[str, Any]:
    conversation, last = turn.conversation, turn.to_answer[-1]
    attachments = [attachment for message in turn.to_answer for attachment in message.attachments]
    return {
        "message_content": "\n".join(filter(None, [*turn.lines, *map(in_words, attachments)])),
        "message_type": last.kind.value if last.kind in _MESSAGE_TYPES else "text",
        "session_name": f"{turn.instance.session_id_prefix}{_chat(conversation)}",
        "session_origin": conversation.channel.value,
        "user": _user(conversation, last),
        "media_contents": [_media(attachment) for attachment in attachments if is_file(attachment)],
        "message_limit": 100,
    }


def _chat(conversation: Conversation) -> str:
    """The chat's address as it was first: a provider may correct it, and the agent's memory is not to end there."""
    return (conversation.legs[-1] if conversation.legs else conversation).external_conversation_id


def _user(conversation: Conversation, last: Message) -> dict[str, Any]:
    """Who wrote last; a group's own name and number are nobody's."""
    name, phone = conversation.customer_name or last.author_name, conversation.customer_phone
    if conversation.is_group:
        name, phone = last.author_name, last.author_phone
    external_id = last.author_id or conversation.external_user_id
    # Where the channel doubts that it is that person: an agent must not do or tell what only they may want.
    doubt = {"verified": False} if last.may_be_forged else {}
    return {"phone_number": phone, "email": None, "user_data": {"name": name, "external_id": external_id} | doubt}


def _media(attachment: Attachment) -> dict[str, str | None]:
    return {
        "mime_type": attachment.mime_type,
        "media_url": attachment.as_offered().url,
        "file_name": attachment.file_name,
    }


def _read(answer: Answer) -> str:
    """A JSON object with `message`, a JSON string, or plain text."""
    if answer.is_page:
        raise ProviderUnavailable(_NAME, "answered with a web page: check agent_api_url")
    text = answer.text.strip()
    is_json = "json" in answer.headers.get("content-type", "") or text[:1] in ('"', "{")
    if not (is_json and text):
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
