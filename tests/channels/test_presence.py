"""What each provider is asked for so that customers see that somebody writes, and what was read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from shared.channel.presence import SupportsReadMarks, SupportsTyping
from shared.channels import ability, channel, names
from shared.deps import Deps
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderError
from tests.documents import an_instance
from tests.stubs import Reply, Stub

ANN = "U4af4980629d4c6e2a0a2e36b1f5d2c11"
CONFIGS: dict[str, dict[str, Any]] = {
    "whatsapp_evolution": {"evolution_key": "K3Y", "whatsapp_instance": "acme"},
    "whatsapp_cloud": {"access_token": "t", "phone_number_id": "1"},
    "telegram_bot": {"bot_token": "7:t"},
    "facebook": {"page_access_token": "t"},
    "instagram": {"access_token": "t"},
    "line": {"channel_access_token": "t"},
    "discord": {"bot_token": "t"},
}
TO_ANN = {"recipient": {"id": "ann"}}
LATEST = {"last_message_id": "wamid.2"}
READ = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.2"}

TYPING: list[tuple[str, str, dict[str, Any], str, dict[str, Any] | None]] = [
    (
        "whatsapp_evolution",
        "4915@s.whatsapp.net",
        {},
        "/chat/sendPresence/acme",
        {"number": "4915", "delay": 4000, "presence": "composing"},
    ),
    ("whatsapp_cloud", "4915", LATEST, "/v23.0/1/messages", READ | {"typing_indicator": {"type": "text"}}),
    ("telegram_bot", "5", {}, "/bot7:t/sendChatAction", {"chat_id": "5", "action": "typing"}),
    (
        "telegram_bot",
        "business:c1:5",
        {},
        "/bot7:t/sendChatAction",
        {"chat_id": "5", "business_connection_id": "c1", "action": "typing"},
    ),
    ("facebook", "ann", {}, "/v23.0/page/messages", TO_ANN | {"sender_action": "typing_on"}),
    ("instagram", "ann", {}, "/v23.0/page/messages", TO_ANN | {"sender_action": "typing_on"}),
    ("line", ANN, {}, "/v2/bot/chat/loading/start", {"chatId": ANN, "loadingSeconds": 20}),
    ("discord", "77", {}, "/channels/77/typing", None),
]
NO_TYPING: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("whatsapp_cloud", "4915", {}, {}),  # Nobody has written yet.
    ("whatsapp_cloud", "4915", LATEST, {"mark_read": False}),
    ("line", "C4af4980629d4c6e2a0a2e36b1f5d2c11", {}, {}),  # A group.
    ("discord", "77", {"interaction": {"token": "t"}}, {}),
]
MARKS: list[tuple[str, str, dict[str, Any], str, dict[str, Any]]] = [
    (
        "whatsapp_evolution",
        "4915@s.whatsapp.net",
        {},
        "/chat/markMessageAsRead/acme",
        {"readMessages": [{"remoteJid": "4915@s.whatsapp.net", "fromMe": False, "id": f"{n}"} for n in ("1:1", "1:2")]},
    ),
    ("whatsapp_cloud", "4915", {}, "/v23.0/1/messages", READ | {"message_id": "1:2"}),
    (
        "telegram_bot",
        "business:c1:5",
        {},
        "/bot7:t/readBusinessMessage",
        {"chat_id": "5", "business_connection_id": "c1", "message_id": 2},
    ),
    ("facebook", "ann", {}, "/v23.0/page/messages", TO_ANN | {"sender_action": "mark_seen"}),
    ("instagram", "ann", {}, "/v23.0/page/messages", TO_ANN | {"sender_action": "mark_seen"}),
    ("line", ANN, {"read_token": "r"}, "/v2/bot/chat/markAsRead", {"markAsReadToken": "r"}),
]
NO_MARKS = [("telegram_bot", "5"), ("line", ANN)]


@pytest.fixture(autouse=True)
def _accepting(provider: Stub) -> None:
    provider.on("POST", "", Reply(201, {"ok": True, "result": True, "recipient_id": "ann", "success": True}))


def _config(adapter: str, provider: Stub, **more: Any) -> BaseModel:
    address = {"evolution_url": provider.url} if adapter == "whatsapp_evolution" else {}
    return channel(adapter).config.model_validate(CONFIGS[adapter] | address | more)


def _payload(to: str, context: dict[str, Any]) -> OutboxPayload:
    return OutboxPayload(external_conversation_id=to, external_user_id="someone", context=context)


def _show_typing(deps: Deps, adapter: str, config: BaseModel, payload: OutboxPayload) -> float:
    typing = ability(adapter, SupportsTyping[BaseModel])
    assert typing is not None
    return typing.show_typing(deps, an_instance(adapter, external_id="page"), config, payload)


def _mark_read(deps: Deps, adapter: str, config: BaseModel, payload: OutboxPayload) -> None:
    marks = ability(adapter, SupportsReadMarks[BaseModel])
    assert marks is not None
    marks.mark_read(deps, an_instance(adapter, external_id="page"), config, payload, ["1:1", "1:2"])


def _requests(provider: Stub) -> list[tuple[str, Any]]:
    return [(request.path.partition("?")[0], request.json) for request in provider.requests]


@pytest.mark.parametrize(("adapter", "to", "context", "path", "body"), TYPING)
def test_that_somebody_writes_is_shown(
    deps: Deps, provider: Stub, adapter: str, to: str, context: dict[str, Any], path: str, body: Any
) -> None:
    assert _show_typing(deps, adapter, _config(adapter, provider), _payload(to, context)) >= 0
    assert _requests(provider) == [(path, body)]


@pytest.mark.parametrize(("adapter", "to", "context", "config"), NO_TYPING)
def test_nothing_is_asked_where_it_cannot_be_shown(
    deps: Deps, provider: Stub, adapter: str, to: str, context: dict[str, Any], config: dict[str, Any]
) -> None:
    _show_typing(deps, adapter, _config(adapter, provider, **config), _payload(to, context))
    assert _requests(provider) == []


@pytest.mark.parametrize(("adapter", "to", "context", "path", "body"), MARKS)
def test_what_was_read_is_marked(
    deps: Deps, provider: Stub, adapter: str, to: str, context: dict[str, Any], path: str, body: Any
) -> None:
    _mark_read(deps, adapter, _config(adapter, provider), _payload(to, context))
    assert _requests(provider) == [(path, body)]


@pytest.mark.parametrize(("adapter", "to"), NO_MARKS)
def test_where_nothing_can_be_marked_nothing_is_requests(deps: Deps, provider: Stub, adapter: str, to: str) -> None:
    _mark_read(deps, adapter, _config(adapter, provider), _payload(to, {}))
    assert _requests(provider) == []


@pytest.mark.parametrize(("adapter", "to", "context"), [(row[0], row[1], row[2]) for row in TYPING])
def test_a_refusal_is_a_providers_error(
    deps: Deps, provider: Stub, adapter: str, to: str, context: dict[str, Any]
) -> None:
    provider.on("POST", "", Reply(500, {"error": {"message": "no", "code": 1}}))
    with pytest.raises(ProviderError):
        _show_typing(deps, adapter, _config(adapter, provider), _payload(to, context))


def test_every_channel_that_declares_it_is_tried_here() -> None:
    # The account of a person has a connection of its own, which its own tests play.
    own_connection = {"telegram_user", "whatsapp_web"}
    marked = {name for name in names() if channel(name).capabilities.read_marks} - own_connection
    assert marked == {row[0] for row in MARKS}
    # The widget's pages are told by an event.
    typing = {name for name in names() if channel(name).capabilities.typing} - {"widget", *own_connection}
    assert typing == {row[0] for row in TYPING}
