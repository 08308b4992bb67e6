"""How each channel finds out what became of a message of which nobody knows whether the provider has it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import BaseModel

from shared.channel.settle import SupportsLookup, SupportsRepeats
from shared.channels import ability, channel
from shared.deps import Deps
from shared.domain.messages import Attachment, MessageKind
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderError
from tests.documents import an_instance
from tests.stubs import Reply, Stub

SINCE = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TEXT = "See https://shop.example & write"
PICTURE = Attachment(type=MessageKind.IMAGE, url="https://cdn.example.com/a.jpg")


@dataclass(frozen=True)
class Provider:
    """One that can be asked: `message` makes its form of a message, and `listed` an answer of several, latest first."""

    adapter: str
    config: dict[str, Any]
    path: str
    message: Callable[[str, str, datetime, bool], dict[str, Any]]
    listed: Callable[[list[dict[str, Any]]], Any]
    external_id: Callable[[str], str] = lambda number: number


def _slack(number: str, text: str, at: datetime, is_own: bool) -> dict[str, Any]:
    text = text.replace("&", "&amp;").replace("https://shop.example", "<https://shop.example>")
    return {"ts": f"{at.timestamp():.4f}0{number}", "text": text, "user": "UBOT" if is_own else "U2"}


def _discord(number: str, text: str, at: datetime, is_own: bool) -> dict[str, Any]:
    author = {"id": "775799577604522054", "bot": True} if is_own else {"id": "7"}
    return {"id": number, "content": text, "author": author, "timestamp": at.isoformat()}


def _twilio(number: str, text: str, at: datetime, is_own: bool) -> dict[str, Any]:
    direction = "outbound-api" if is_own else "inbound"
    return {"sid": number, "body": text, "date_created": format_datetime(at), "direction": direction, "num_media": "0"}


def _meta(number: str, text: str, at: datetime, is_own: bool) -> dict[str, Any]:
    created = at.strftime("%Y-%m-%dT%H:%M:%S+0000")
    return {"id": number, "message": text, "created_time": created, "from": {"id": "PAGE" if is_own else "5"}}


def _meta_list(messages: list[dict[str, Any]]) -> Any:
    return {"data": [{"id": "t_1", "messages": {"data": messages}}]}


def _evolution(number: str, text: str, at: datetime, is_own: bool) -> dict[str, Any]:
    key = {"id": number, "fromMe": is_own, "remoteJid": "5511988887777@s.whatsapp.net"}
    return {"key": key, "message": {"conversation": text}, "messageTimestamp": int(at.timestamp())}


PROVIDERS = [
    Provider(
        "slack",
        {"botToken": "xoxb-1", "botUserId": "UBOT"},
        "/conversations.history",
        _slack,
        lambda messages: {"ok": True, "messages": messages},
        lambda number: f"5:{(SINCE + timedelta(minutes=int(number))).timestamp():.4f}0{number}",
    ),
    Provider(
        "discord",
        {"botToken": "MTk4.secret", "clientId": "775799577604522054"},
        "/channels/5/messages",
        _discord,
        lambda messages: messages,
        lambda number: f"5:{number}",
    ),
    Provider(
        "sms_twilio",
        {"accountSid": "AC1", "authToken": "secret"},
        "/Accounts/AC1/Messages.json",
        _twilio,
        lambda messages: {"messages": messages},
    ),
    Provider("facebook", {"pageAccessToken": "EAAB"}, "/me/conversations", _meta, _meta_list),
    Provider("instagram", {"accessToken": "IGAA"}, "/me/conversations", _meta, _meta_list),
    Provider(
        "whatsapp_evolution",
        {"evolution_key": "key", "whatsapp_instance": "shop"},
        "/chat/findMessages/",
        _evolution,
        lambda messages: {"messages": {"records": messages}},
    ),
]
each_provider = pytest.mark.parametrize("service", PROVIDERS, ids=lambda service: service.adapter)


def _ids(deps: Deps, provider: Stub, service: Provider, **changes: Any) -> list[str | None]:
    module = ability(service.adapter, SupportsLookup[BaseModel])
    assert module is not None
    fields = service.config | ({"evolution_url": provider.url} if service.adapter == "whatsapp_evolution" else {})
    config = channel(service.adapter).config.model_validate(fields)
    to = "5511988887777" if service.adapter == "whatsapp_evolution" else "5"
    payload = OutboxPayload(**({"message_id": "m1", "external_conversation_id": to, "text": TEXT} | changes))
    messages = module.sent_messages(deps, an_instance(service.adapter), config, payload, SINCE)
    return [sent.external_message_id for sent in messages]


def _at(minutes: int) -> datetime:
    return SINCE + timedelta(minutes=minutes)


@each_provider
def test_what_says_the_same_is_listed_from_the_oldest_on(deps: Deps, provider: Stub, service: Provider) -> None:
    answers = [
        service.message("3", TEXT, _at(3), True),
        service.message("2", "something else", _at(2), True),
        service.message("1", f"{TEXT} ", _at(1), True),
    ]
    provider.on("GET", service.path, Reply(json=service.listed(answers)))
    provider.on("POST", service.path, Reply(json=service.listed(answers)))
    assert _ids(deps, provider, service) == [service.external_id("1"), service.external_id("3")]
    assert len(provider.requests) == 1


@each_provider
def test_what_the_customer_wrote_is_none_of_ours(deps: Deps, provider: Stub, service: Provider) -> None:
    answers = [service.message("1", TEXT, _at(1), False)]
    provider.on("GET", service.path, Reply(json=service.listed(answers)))
    provider.on("POST", service.path, Reply(json=service.listed(answers)))
    assert _ids(deps, provider, service) == []


@pytest.mark.parametrize(
    "service", [each for each in PROVIDERS if each.adapter != "discord"], ids=lambda service: service.adapter
)
def test_what_was_sent_before_is_another_message(deps: Deps, provider: Stub, service: Provider) -> None:
    answers = [service.message("1", TEXT, _at(-1), True)]
    provider.on("GET", service.path, Reply(json=service.listed(answers)))
    provider.on("POST", service.path, Reply(json=service.listed(answers)))
    assert _ids(deps, provider, service) == []


def test_discord_is_asked_for_what_came_after(deps: Deps, provider: Stub) -> None:
    provider.on("GET", "/channels/5/messages", Reply(json=[]))
    [discord] = [each for each in PROVIDERS if each.adapter == "discord"]
    assert _ids(deps, provider, discord) == []
    query = parse_qs(urlsplit(provider.requests[0].path).query)
    snowflake = int(query["after"][0])
    assert datetime.fromtimestamp(((snowflake >> 22) + 1_420_070_400_000) / 1000, UTC) == SINCE


def test_a_thread_of_slack_is_asked_for_its_replies(deps: Deps, provider: Stub) -> None:
    [slack] = [each for each in PROVIDERS if each.adapter == "slack"]
    answers = [slack.message("1", TEXT, _at(1), True)]
    provider.on("GET", "/conversations.replies", Reply(json=slack.listed(answers)))
    assert len(_ids(deps, provider, slack, external_conversation_id="C1:1735690000.000100")) == 1
    query = parse_qs(urlsplit(provider.requests[0].path).query)
    assert (query["channel"], query["ts"]) == (["C1"], ["1735690000.000100"])


def test_a_picture_is_known_by_its_kind(deps: Deps, provider: Stub) -> None:
    [facebook] = [each for each in PROVIDERS if each.adapter == "facebook"]
    files = {"attachments": {"data": [{"mime_type": "image/jpeg"}]}}
    film = {"attachments": {"data": [{"mime_type": "video/mp4"}]}}
    answers = [facebook.message("2", "", _at(2), True) | film, facebook.message("1", "", _at(1), True) | files]
    provider.on("GET", facebook.path, Reply(json=_meta_list(answers)))
    assert _ids(deps, provider, facebook, text=None, attachments=[PICTURE]) == ["1"]


@each_provider
@pytest.mark.parametrize("answer", [Reply(json={}), Reply(json=[1]), Reply(500), Reply(403, {"ok": False})])
def test_a_provider_that_does_not_tell_names_no_message(
    deps: Deps, provider: Stub, service: Provider, answer: Reply
) -> None:
    provider.on("GET", service.path, answer)
    provider.on("POST", service.path, answer)
    with suppress(ProviderError):
        assert _ids(deps, provider, service) == []
    assert len(provider.requests) == 1


def _may_repeat(deps: Deps, adapter: str, after: timedelta, **context: str) -> bool:
    module = ability(adapter, SupportsRepeats)
    assert module is not None
    later = replace(deps, now=lambda: SINCE + after)
    payload = OutboxPayload(message_id="m1", text="hi", context=context)
    return module.may_repeat(later, an_instance(adapter), payload, SINCE)


@pytest.mark.parametrize("adapter", ["telegram_user", "line"])
def test_what_the_provider_recognises_may_be_sent_again_while_it_does(deps: Deps, adapter: str) -> None:
    assert _may_repeat(deps, adapter, timedelta(hours=3))
    assert not _may_repeat(deps, adapter, timedelta(days=2))


def test_what_may_have_used_a_reply_token_of_line_is_not_sent_again(deps: Deps) -> None:
    def sent_at(seconds_before: int) -> str:
        return (SINCE - timedelta(seconds=seconds_before)).isoformat()

    assert not _may_repeat(deps, "line", timedelta(minutes=5), reply_token="t", sent_at=sent_at(10))
    assert _may_repeat(deps, "line", timedelta(minutes=5), reply_token="t", sent_at=sent_at(90))


def test_nothing_is_sent_again_over_an_account_of_whatsapp_that_is_not_connected_here(deps: Deps) -> None:
    assert not _may_repeat(deps, "whatsapp_web", timedelta(minutes=5))
