"""What is particular to Messenger's webhooks; the normal forms are golden files."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from shared.channel.webhook import RawPart, Webhook
from shared.channels.facebook import inbound
from shared.channels.facebook import webhook as webhook_module
from shared.channels.facebook.config import FacebookConfig
from shared.config import Settings
from shared.domain.inbound import MessageReceived
from shared.errors import PayloadInvalid, SignatureInvalid
from tests.channels import golden

FIXTURES = Path(__file__).parent / "fixtures"
PAGE, OTHER_PAGE = "682498302938465", "772498302938466"


def fixture(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))
    return body


def accept(body: object) -> list[RawPart]:
    return webhook_module.accept(golden.webhook(body))


def config(**fields: str) -> FacebookConfig:
    return FacebookConfig.model_validate({"pageAccessToken": "EAAB"} | fields)


def settings(**fields: Any) -> Settings:
    return Settings.model_validate(fields)


def signed(body: bytes, secret: str, header: str = "x-hub-signature-256", prefix: str = "sha256=") -> Webhook:
    return golden.webhook(body, headers={header: prefix + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()})


def test_signature_is_over_the_raw_bytes_as_meta_escapes_them() -> None:
    raw = b'{"object":"page","entry":[{"id":"1","messaging":[{"message":{"text":"ol\\u00e1 \\ud83d\\udc4b"}}]}]}'
    webhook_module.verify(signed(raw, "app-secret"), config(appSecret="app-secret"), settings())
    serialised_anew = json.dumps(json.loads(raw), ensure_ascii=False).encode()
    forged = golden.webhook(serialised_anew, headers=signed(raw, "app-secret").headers)
    with pytest.raises(SignatureInvalid):
        webhook_module.verify(forged, config(appSecret="app-secret"), settings())


@pytest.mark.parametrize(
    "webhook",
    [
        golden.webhook(b"{}"),
        signed(b"{}", "page-token"),
        signed(b"{}", "app-secret", header="x-hub-signature"),
        signed(b"{}", "app-secret", prefix="sha1="),
        signed(b"{}", "app-secret", prefix=""),
        golden.webhook(b"{}", headers={"x-hub-signature-256": "sha256="}),
        golden.webhook(b'{"a":1}', headers=signed(b"{}", "app-secret").headers),
    ],
)
def test_wrong_signature_names_the_setting_to_check(webhook: Webhook) -> None:
    with pytest.raises(SignatureInvalid, match="FACEBOOK_APP_SECRET"):
        webhook_module.verify(webhook, config(), settings(facebook_app_secret="app-secret"))


def test_instances_own_app_secret_goes_before_the_deployments() -> None:
    deployment = settings(facebook_app_secret="of-deployment")
    webhook_module.verify(signed(b"{}", "of-deployment"), config(), deployment)
    webhook_module.verify(signed(b"{}", "of-instance"), config(appSecret="of-instance"), deployment)
    with pytest.raises(SignatureInvalid):
        webhook_module.verify(signed(b"{}", "of-deployment"), config(appSecret="of-instance"), deployment)


def test_without_an_app_secret_a_lenient_hub_accepts() -> None:
    webhook_module.verify(golden.webhook(b"{}"), config(), settings())


@pytest.mark.parametrize(
    "fields",
    [
        {"webhook_strict": True},
        {"environment": "production", "jwt_secret": "x" * 32},
        {"environment": "production", "jwt_secret": "x" * 32, "webhook_strict": False},
    ],
)
def test_without_an_app_secret_a_strict_hub_refuses_and_production_always(fields: dict[str, Any]) -> None:
    with pytest.raises(SignatureInvalid, match="set FACEBOOK_APP_SECRET"):
        webhook_module.verify(golden.webhook(b"{}"), config(), settings(**fields))


def challenge(query: dict[str, str], **fields: Any) -> str:
    webhook = golden.webhook(b"", method="GET", query=query)
    return webhook_module.challenge(webhook, config(**fields), settings(facebook_verify_token="agreed"))


def subscription_query(**changes: str) -> dict[str, str]:
    query = {"hub.mode": "subscribe", "hub.verify_token": "agreed", "hub.challenge": "1158201444"}
    return query | {name.replace("_", ".", 1): value for name, value in changes.items()}


def test_challenge_is_answered_bare() -> None:
    assert challenge(subscription_query()) == "1158201444"


def test_instance_may_have_a_verify_token_of_its_own() -> None:
    assert challenge(subscription_query(hub_verify_token="own"), verifyToken="own") == "1158201444"
    with pytest.raises(SignatureInvalid):
        challenge(subscription_query(), verifyToken="own")


@pytest.mark.parametrize(
    "query",
    [
        {},
        subscription_query(hub_verify_token="guess"),
        subscription_query(hub_verify_token=""),
        subscription_query(hub_mode="unsubscribe"),
    ],
)
def test_challenge_without_the_agreed_token_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(SignatureInvalid, match="FACEBOOK_VERIFY_TOKEN"):
        challenge(query)


def test_challenge_is_refused_where_no_token_is_agreed() -> None:
    with pytest.raises(SignatureInvalid, match="FACEBOOK_VERIFY_TOKEN is not set"):
        webhook_module.challenge(
            golden.webhook(b"", query=subscription_query(hub_verify_token="")), config(), settings()
        )


def test_two_entries_with_two_messages_each_give_four_messages() -> None:
    parts = accept(fixture("batch__two-entries-two-messages"))
    events = [event for part in parts for event in inbound.parse(part.payload)]
    assert [event.text for event in events if isinstance(event, MessageReceived)] == ["one", "two", "three", "four"]
    assert [part.account for part in parts] == [PAGE, PAGE, OTHER_PAGE, OTHER_PAGE]
    assert parts[2].key == parts[3].key
    assert len({part.key for part in parts}) == 3


def test_echo_is_in_order_with_the_customers_own_messages() -> None:
    (echo,) = accept(fixture("message_echo__page-inbox"))
    (message,) = accept(fixture("message__text"))
    assert echo.key == message.key


@pytest.mark.parametrize("name", ["standby__message", "changes__feed"])
def test_what_is_for_others_gives_no_part(name: str) -> None:
    assert accept(fixture(name)) == []


def test_other_object_is_logged_and_gives_no_part(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert accept(fixture("object__instagram")) == []
    assert [vars(record)["object"] for record in caplog.records] == ["instagram"]


def test_unknown_kind_is_logged_by_name_and_an_ignored_one_is_not(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        (part,) = accept(fixture("referral__open-thread"))
        assert inbound.parse(part.payload) == []
        assert caplog.records == []
        (part,) = accept(fixture("new_kind__unknown"))
        assert inbound.parse(part.payload) == []
    assert [vars(record)["event_kind"] for record in caplog.records] == ["telepathy"]


@pytest.mark.parametrize(
    "body",
    [
        {"object": "page"},
        {"object": "page", "entry": {}},
        {"object": "page", "entry": ["x"]},
        {"object": "page", "entry": [{"messaging": []}]},
        {"object": "page", "entry": [{"id": True, "messaging": []}]},
        {"object": "page", "entry": [{"id": "1", "messaging": {}}]},
        {"object": "page", "entry": [{"id": "1", "messaging": [1]}]},
    ],
)
def test_body_of_another_form_is_refused(body: object) -> None:
    with pytest.raises(PayloadInvalid):
        accept(body)


def test_message_without_a_time_is_refused() -> None:
    (part,) = accept(fixture("message__text"))
    del part.payload["timestamp"]
    with pytest.raises(PayloadInvalid, match="timestamp"):
        inbound.parse(part.payload)


def test_time_in_seconds_is_read_as_such() -> None:
    (part,) = accept(fixture("postback__get-started"))
    (event,) = inbound.parse(part.payload | {"timestamp": "1527459824"})
    assert isinstance(event, MessageReceived)
    assert event.sent_at.isoformat() == "2018-05-27T22:23:44+00:00"


@pytest.mark.parametrize("spelling", ["pageAccessToken", "page_access_token"])
def test_config_takes_both_spellings_and_keeps_ours(spelling: str) -> None:
    read = FacebookConfig.model_validate({spelling: "EAAB"})
    assert read.page_access_token.get_secret_value() == "EAAB"
    assert set(read.model_dump()) == {"page_access_token", "app_secret", "verify_token", "app_id"}
