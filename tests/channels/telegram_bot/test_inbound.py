"""What is particular to Telegram's webhooks; the normal forms are golden files."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from shared.channel.webhook import RawPart, Webhook
from shared.channels.telegram_bot import inbound, webhook
from shared.channels.telegram_bot.config import TelegramBotConfig
from shared.channels.telegram_bot.inbound import ALLOWED_UPDATES, IGNORED
from shared.config import Settings
from shared.domain.inbound import MessageReceived
from shared.errors import PayloadInvalid, SignatureInvalid
from tests.channels import golden

FIXTURES = Path(__file__).parent / "fixtures"


def fixture(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))
    return body


def accept(body: object) -> list[RawPart]:
    return webhook.accept(golden.webhook(body))


def received(body: object) -> MessageReceived:
    (part,) = accept(body)
    (event,) = inbound.parse(part.payload)
    assert isinstance(event, MessageReceived)
    return event


def with_secret(secret: str | None) -> Webhook:
    return golden.webhook({}, headers={} if secret is None else {"x-telegram-bot-api-secret-token": secret})


@pytest.mark.parametrize(
    ("registered", "received", "strict", "accepted"),
    [
        ("s3cret", "s3cret", True, True),
        ("s3cret", "s3cret", False, True),
        ("s3cret", "other", False, False),
        ("s3cret", None, False, False),
        ("s3cret", "", False, False),
        (None, None, False, True),
        (None, "anything", False, True),
        ("", None, False, True),
        (None, None, True, False),
        (None, "anything", True, False),
        ("", "", True, False),
    ],
)
def test_verification(registered: str | None, received: str | None, strict: bool, accepted: bool) -> None:
    config = TelegramBotConfig.model_validate({"botToken": "1:A", "webhookSecret": registered})
    settings = Settings(webhook_strict=strict)
    if accepted:
        webhook.verify(with_secret(received), config, settings)
        return
    with pytest.raises(SignatureInvalid, match=r"webhookSecret|connect the instance again"):
        webhook.verify(with_secret(received), config, settings)


@pytest.mark.parametrize("spelling", ["botToken", "bot_token"])
def test_config_takes_both_spellings_and_keeps_ours(spelling: str) -> None:
    config = TelegramBotConfig.model_validate({spelling: "1:A"})
    assert config.bot_token.get_secret_value() == "1:A"
    assert set(config.model_dump()) == {"bot_token", "webhook_secret", "parse_mode"}


@pytest.mark.parametrize("body", [{}, {"message": {}}, {"update_id": "7"}, {"update_id": True}, {"update_id": None}])
def test_body_without_an_update_id_is_refused(body: object) -> None:
    with pytest.raises(PayloadInvalid):
        accept(body)


def test_update_is_one_part_in_order_within_its_chat() -> None:
    body = fixture("message__group")
    assert accept(body) == [RawPart(key="-1001234567890", payload=body)]


def test_button_press_is_dated_by_its_arrival() -> None:
    event = received(fixture("callback_query__button"))
    assert event.sent_at == golden.RECEIVED_AT


def test_same_number_in_two_chats_is_two_messages() -> None:
    private, group = fixture("message__text"), fixture("message__group")
    assert private["message"]["message_id"] == group["message"]["message_id"]
    assert received(private).external_message_id != received(group).external_message_id


def test_replayed_update_has_the_same_message_id() -> None:
    body = fixture("message__text")
    assert received(body).external_message_id == received(body | {"update_id": 1}).external_message_id


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.json")), ids=lambda path: path.stem)
def test_no_attachment_has_a_url(path: Path) -> None:
    for part in accept(json.loads(path.read_text("utf-8"))):
        for event in inbound.parse(part.payload):
            assert all(item.url is None for item in getattr(event, "attachments", None) or ())


def test_asked_for_and_ignored_kinds_are_apart() -> None:
    assert not IGNORED & set(ALLOWED_UPDATES)


def test_unknown_kind_is_logged_by_name_and_an_ignored_one_is_not(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        (part,) = accept(fixture("my_chat_member__blocked"))
        assert inbound.parse(part.payload) == []
        assert caplog.records == []
        (part,) = accept(fixture("new_kind__unknown"))
        assert inbound.parse(part.payload) == []
    assert [vars(record)["update_kind"] for record in caplog.records] == ["telepathy"]


def test_date_beyond_the_calendar_is_refused() -> None:
    body = fixture("message__text")
    body["message"]["date"] = 10**18
    (part,) = accept(body)
    with pytest.raises(PayloadInvalid, match=r"date: .*out of range"):
        inbound.parse(part.payload)


def test_message_is_dated_by_telegram() -> None:
    assert received(fixture("message__text")).sent_at == datetime.fromisoformat("2025-10-09T08:53:20+00:00")
