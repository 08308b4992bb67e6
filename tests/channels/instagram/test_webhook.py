"""What is particular to Instagram's webhooks; the normal forms are golden files."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from shared.channel.webhook import Webhook
from shared.channels.instagram import inbound
from shared.channels.instagram import webhook as webhook_module
from shared.channels.instagram.config import InstagramConfig
from shared.config import Settings
from shared.errors import PayloadInvalid, SignatureInvalid
from tests.channels import golden
from tests.channels.example import Call, meta_signature

FIXTURES = Path(__file__).parent / "fixtures"
BODY = b'{"object":"instagram","entry":[]}'


def fixture(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))
    return body


def signed(secret: str) -> Webhook:
    return golden.webhook(BODY, headers=meta_signature(Call(secret=secret, body=BODY)))


def config(**fields: str) -> InstagramConfig:
    return InstagramConfig.model_validate({"accessToken": "IGAA"} | fields)


BOTH_APPS = Settings.model_validate({"instagram_app_secret": "of-instagram", "facebook_app_secret": "of-meta"})


@pytest.mark.parametrize("secret", ["of-instagram", "of-meta"])
def test_either_of_the_deployments_apps_may_have_signed(secret: str) -> None:
    webhook_module.verify(signed(secret), config(), BOTH_APPS)


@pytest.mark.parametrize("secret", ["guess", ""])
def test_who_knows_neither_secret_is_refused_with_the_settings_to_check(secret: str) -> None:
    with pytest.raises(SignatureInvalid, match="check INSTAGRAM_APP_SECRET or FACEBOOK_APP_SECRET"):
        webhook_module.verify(signed(secret), config(), BOTH_APPS)


def test_the_instances_own_app_secret_takes_the_place_of_the_deployments() -> None:
    webhook_module.verify(signed("own"), config(appSecret="own"), BOTH_APPS)
    with pytest.raises(SignatureInvalid):
        webhook_module.verify(signed("of-meta"), config(appSecret="own"), BOTH_APPS)


def test_metas_question_is_answered_with_the_word_of_the_shared_app() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "agreed", "hub.challenge": "1158201444"}
    settings = Settings.model_validate({"facebook_verify_token": "agreed"})
    assert webhook_module.challenge(golden.webhook(b"", query=query), config(), settings) == "1158201444"
    with pytest.raises(SignatureInvalid):
        webhook_module.challenge(golden.webhook(b"", query=query), config(verifyToken="own"), settings)


def test_an_echo_is_in_order_with_the_customers_own_messages() -> None:
    (echo,) = webhook_module.accept(golden.webhook(fixture("message_echo__in-the-app")))
    (message,) = webhook_module.accept(golden.webhook(fixture("message__text")))
    assert echo.key == message.key


@pytest.mark.parametrize(
    ("name", "logged"),
    [
        ("changes__comment", {"field": "comments"}),
        ("changes__mention", {"field": "mentions"}),
        ("new_kind__unknown", {"event_kind": "telepathy"}),
    ],
)
def test_what_is_not_read_is_kept_as_a_part_and_logged_by_name(
    caplog: pytest.LogCaptureFixture, name: str, logged: dict[str, str]
) -> None:
    (part,) = webhook_module.accept(golden.webhook(fixture(name)))
    with caplog.at_level(logging.INFO):
        assert inbound.parse(part.payload) == []
    assert [{key: vars(record)[key] for key in logged} for record in caplog.records] == [logged]


@pytest.mark.parametrize("name", ["handover__taken"])
def test_what_means_nothing_here_is_not_even_logged(caplog: pytest.LogCaptureFixture, name: str) -> None:
    (part,) = webhook_module.accept(golden.webhook(fixture(name)))
    with caplog.at_level(logging.INFO):
        assert inbound.parse(part.payload) == []
    assert caplog.records == []


@pytest.mark.parametrize(
    "body",
    [
        {"object": "instagram"},
        {"object": "instagram", "entry": [{"messaging": []}]},
        {"object": "instagram", "entry": [{"id": True, "messaging": []}]},
        {"object": "instagram", "entry": [{"id": "1", "messaging": [1]}]},
        {"object": "instagram", "entry": [{"id": "1", "standby": {}}]},
        {"object": "instagram", "entry": [{"id": "1", "changes": [{"field": "messages"}]}]},
    ],
)
def test_a_body_of_another_form_is_refused(body: object) -> None:
    with pytest.raises(PayloadInvalid):
        webhook_module.accept(golden.webhook(body))


def test_a_message_without_a_time_is_refused() -> None:
    (part,) = webhook_module.accept(golden.webhook(fixture("message__text")))
    del part.payload["item"]["timestamp"]
    with pytest.raises(PayloadInvalid, match="timestamp"):
        inbound.parse(part.payload)
