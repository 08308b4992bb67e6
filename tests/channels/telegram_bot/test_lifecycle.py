"""Connecting a bot."""

from __future__ import annotations

import re

import pytest

from shared.channel.lifecycle import Connection
from shared.channels.telegram_bot import lifecycle
from shared.channels.telegram_bot.config import TelegramBotConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected, ProviderUnavailable
from tests.stubs import Reply, Stub

ME = {"id": 123456, "is_bot": True, "first_name": "Shop", "username": "shop_bot"}


def connect(deps: Deps, instance: Instance, secret: str | None = None) -> Connection:
    config = TelegramBotConfig.model_validate({"bot_token": "123456:AAH", "webhook_secret": secret})
    return lifecycle.connect(deps, instance, config)


def test_token_is_checked_and_the_webhook_registered(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "^/bot123456:AAH/getMe$", Reply(json={"ok": True, "result": ME}))
    provider.on("POST", "^/bot123456:AAH/setWebhook$", Reply(json={"ok": True, "result": True}))
    connection = connect(public, instance)
    body = provider.to("setWebhook")[0].json
    assert body["url"] == "https://hub.example/api/telegram/bot/webhook/i1"
    assert body["max_connections"] == 40
    assert {"message", "callback_query", "message_reaction"} <= set(body["allowed_updates"])
    assert connection == Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=body["url"],
        external_id="123456",
        display_name="@shop_bot",
        secrets={"webhook_secret": body["secret_token"]},
    )


def test_webhook_secret_is_long_and_of_the_letters_that_telegram_allows(
    public: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", "getMe", Reply(json={"ok": True, "result": ME}))
    provider.on("POST", "setWebhook", Reply(json={"ok": True, "result": True}))
    first, second = connect(public, instance).secrets, connect(public, instance).secrets
    assert first != second
    assert re.fullmatch(r"[A-Za-z0-9_-]{32,256}", first["webhook_secret"])


def test_registered_secret_stays(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "getMe", Reply(json={"ok": True, "result": ME}))
    provider.on("POST", "setWebhook", Reply(json={"ok": True, "result": True}))
    connection = connect(public, instance, "kept-secret")
    assert provider.to("setWebhook")[0].json["secret_token"] == "kept-secret"
    assert connection.secrets == {"webhook_secret": "kept-secret"}


def test_without_a_public_address_no_webhook_is_registered(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "getMe", Reply(json={"ok": True, "result": {"id": 123456, "first_name": "Shop"}}))
    assert connect(deps, instance) == Connection(
        status=InstanceStatus.CONNECTED,
        external_id="123456",
        display_name="Shop",
        detail="messages can be sent; to receive them set PUBLIC_URL",
    )
    assert provider.to("setWebhook") == []


def test_refused_address_says_what_telegram_demands(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "getMe", Reply(json={"ok": True, "result": ME}))
    reason = "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
    provider.on("POST", "setWebhook", Reply(400, {"ok": False, "error_code": 400, "description": reason}))
    with pytest.raises(ProviderRejected, match=r"An HTTPS URL must be provided.*PUBLIC_URL must be an https address"):
        connect(public, instance)


def test_wrong_token_names_the_setting(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "getMe", Reply(401, {"ok": False, "error_code": 401, "description": "Unauthorized"}))
    with pytest.raises(ProviderRejected, match=r"config\.botToken"):
        connect(public, instance)


def test_answer_of_another_server_names_the_setting(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "getMe", Reply(json={"ok": True, "result": "hello"}))
    with pytest.raises(ProviderRejected, match="TELEGRAM_API_URL"):
        connect(public, instance)


def test_telegram_being_down_can_be_tried_again(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "getMe", Reply(503))
    with pytest.raises(ProviderUnavailable):
        connect(public, instance)


def ended(deps: Deps, instance: Instance, what: str) -> Connection:
    ability = getattr(lifecycle, what)
    connection: Connection = ability(deps, instance, TelegramBotConfig.model_validate({"bot_token": "123456:AAH"}))
    return connection


@pytest.mark.parametrize(
    ("registered", "status"),
    [("https://hub.example/x", InstanceStatus.CONNECTED), ("", InstanceStatus.DISCONNECTED)],
)
def test_status_is_whether_the_token_is_good_and_updates_come(
    public: Deps, instance: Instance, provider: Stub, registered: str, status: InstanceStatus
) -> None:
    provider.on("POST", "getMe", Reply(json={"ok": True, "result": ME}))
    provider.on("POST", "getWebhookInfo", Reply(json={"ok": True, "result": {"url": registered}}))
    connection = ended(public, instance, "status")
    assert (connection.status, connection.external_id, connection.display_name) == (status, "123456", "@shop_bot")


@pytest.mark.parametrize(
    ("noted", "status"),
    [
        (InstanceStatus.ERROR, InstanceStatus.CONNECTED),
        (InstanceStatus.DISCONNECTED, InstanceStatus.DISCONNECTED),
        (InstanceStatus.DELETED, InstanceStatus.DISCONNECTED),
    ],
)
def test_without_a_public_address_a_bot_that_was_logged_out_stays_so(
    deps: Deps, instance: Instance, provider: Stub, noted: InstanceStatus, status: InstanceStatus
) -> None:
    provider.on("POST", "getMe", Reply(json={"ok": True, "result": ME}))
    assert ended(deps, instance.model_copy(update={"status": noted}), "status").status is status
    assert provider.to("getWebhookInfo") == []


@pytest.mark.parametrize(
    ("what", "status"), [("logout", InstanceStatus.DISCONNECTED), ("remove", InstanceStatus.DELETED)]
)
def test_logging_out_and_removing_take_the_webhook_away(
    public: Deps, instance: Instance, provider: Stub, what: str, status: InstanceStatus
) -> None:
    provider.on("POST", "deleteWebhook", Reply(json={"ok": True, "result": True}))
    assert ended(public, instance, what).status is status
    assert len(provider.to("^/bot123456:AAH/deleteWebhook$")) == 1
