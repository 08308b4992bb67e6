"""What each provider is asked to send beside texts and files: polls, contacts, stickers, and what is passed on."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel

from shared.channel.outbound import OutboundModule, SupportsParts
from shared.channels import ability, channel, implementation, names
from shared.deps import Deps
from shared.domain.content import Poll
from shared.domain.messages import Attachment, MessageKind
from shared.domain.outbox import Original, OutboxPayload
from tests.channels.test_presence import CONFIGS
from tests.documents import an_instance
from tests.stubs import Reply, Stub

POLL = Poll(question="Which one?", options=["red", "blue"], multiple=True)
BOB = Attachment(type=MessageKind.CONTACT, name="Bob", extra={"phones": ["+49 151 1", "+49 151 2"]})
NAMELESS = Attachment(type=MessageKind.CONTACT, extra={"phones": ["+491511"]})
STICKER = Attachment(type=MessageKind.STICKER, url="https://files.example/hi.webp")
MARIA = "4915@s.whatsapp.net"

SENT = {
    "ok": True,
    "result": {"message_id": 9, "chat": {"id": 5}},
    "key": {"id": "3EB0", "remoteJid": MARIA},
    "messages": [{"id": "wamid.9"}],
    "id": "9",
    "channel_id": "77",
}

CASES: list[tuple[str, str, dict[str, Any], str, dict[str, Any]]] = [
    (
        "telegram_bot",
        "5",
        {"text": "Which one?", "poll": POLL},
        "sendPoll",
        {
            "chat_id": "5",
            "question": "Which one?",
            "options": [{"text": "red"}, {"text": "blue"}],
            "allows_multiple_answers": True,
            "is_anonymous": False,
        },
    ),
    (
        "telegram_bot",
        "5",
        {"attachments": [BOB]},
        "sendContact",
        {"chat_id": "5", "phone_number": "+49 151 1", "first_name": "Bob"},
    ),
    ("telegram_bot", "5", {"attachments": [STICKER]}, "sendSticker", {"chat_id": "5", "sticker": STICKER.url}),
    (
        "telegram_bot",
        "5",
        {"text": "hi", "original": Original(instance_id="i", external_message_id="6:41")},
        "forwardMessage",
        {"chat_id": "5", "from_chat_id": "6", "message_id": 41},
    ),
    (
        "telegram_bot",
        "5",
        {"text": "hi", "original": Original(instance_id="i", external_message_id="business:c1:6:41")},
        "sendMessage",
        {"chat_id": "5", "text": "hi"},
    ),
    (
        "whatsapp_evolution",
        MARIA,
        {"text": "Which one?", "poll": POLL},
        "sendPoll",
        {"number": "4915", "name": "Which one?", "selectableCount": 2, "values": ["red", "blue"]},
    ),
    (
        "whatsapp_evolution",
        MARIA,
        {"text": "Which one?", "poll": Poll(question="Which one?", options=["red", "blue"])},
        "sendPoll",
        {"number": "4915", "name": "Which one?", "selectableCount": 1, "values": ["red", "blue"]},
    ),
    (
        "whatsapp_evolution",
        MARIA,
        {"attachments": [BOB]},
        "sendContact",
        {"number": "4915", "contact": [{"fullName": "Bob", "wuid": "491511", "phoneNumber": "+49 151 1"}]},
    ),
    (
        "whatsapp_evolution",
        MARIA,
        {"attachments": [STICKER]},
        "sendSticker",
        {"number": "4915", "sticker": STICKER.url},
    ),
    (
        "whatsapp_cloud",
        "4915",
        {"attachments": [NAMELESS]},
        "messages",
        {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "4915",
            "type": "contacts",
            "contacts": [
                {"name": {"formatted_name": "+491511", "first_name": "+491511"}, "phones": [{"phone": "+491511"}]}
            ],
        },
    ),
    (
        "discord",
        "77",
        {"text": "Which one?", "poll": POLL},
        "messages",
        {
            "content": "",
            "allowed_mentions": {"parse": []},
            "poll": {
                "question": {"text": "Which one?"},
                "answers": [{"poll_media": {"text": "red"}}, {"poll_media": {"text": "blue"}}],
                "allow_multiselect": True,
            },
        },
    ),
    (
        "discord",
        "77",
        {
            "text": "hi",
            "context": {"message_id": "3"},
            "original": Original(instance_id="i", external_message_id="78:41"),
        },
        "messages",
        {"message_reference": {"type": 1, "channel_id": "78", "message_id": "41"}},
    ),
]


@pytest.mark.parametrize(("adapter", "to", "content", "path", "body"), CASES)
def test_what_a_provider_is_asked_to_send(
    deps: Deps, provider: Stub, adapter: str, to: str, content: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    provider.on("POST", "", Reply(201, SENT))
    address = {"evolution_url": provider.url} if adapter == "whatsapp_evolution" else {}
    config = channel(adapter).config.model_validate(CONFIGS[adapter] | address)
    payload = OutboxPayload(external_conversation_id=to, **content)
    channel_parts = ability(adapter, SupportsParts)
    send = partial(implementation(adapter, OutboundModule[BaseModel]).send, deps, an_instance(adapter), config)
    for part in channel_parts.parts(payload) if channel_parts else [payload]:
        assert send(part).external_message_id
    [request] = provider.requests
    assert path in request.path
    assert request.json == body


@pytest.mark.parametrize(
    "adapter",
    # That one sends them over its own connection, which its own tests play.
    [name for name in names() if channel(name).capabilities.polls and name != "whatsapp_web"],
)
def test_every_channel_with_polls_is_tried_here(adapter: str) -> None:
    assert any(case[0] == adapter and "poll" in case[2] for case in CASES)
