"""Connecting a LINE Official Account."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from shared.channel.lifecycle import Connection
from shared.channels.line import lifecycle
from shared.channels.line.config import LineConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected, ProviderUnavailable
from tests.channels.line.example import BOT
from tests.stubs import Reply, Stub

TOKEN = "token-of-the-channel"
CONFIG = LineConfig.model_validate({"channelAccessToken": TOKEN})
ENDPOINT = "/v2/bot/channel/webhook/endpoint$"
CALLBACK = "https://hub.example/webhook/line/i1"

Ask: TypeAlias = Callable[[Deps, Instance, LineConfig], Connection]


def line_rules(provider: Stub, endpoint: str = CALLBACK, *, active: bool = True) -> None:
    """Play a LINE whose account has that webhook address."""
    provider.on("GET", "/v2/bot/info$", Reply(json=BOT))
    provider.on("PUT", ENDPOINT, Reply(json={}))
    provider.on("GET", ENDPOINT, Reply(json={"endpoint": endpoint, "active": active}))


def test_connecting_sets_the_instances_own_address_at_line(public: Deps, instance: Instance, provider: Stub) -> None:
    line_rules(provider)
    assert lifecycle.connect(public, instance, CONFIG) == Connection(
        status=InstanceStatus.CONNECTED, webhook_url=CALLBACK, external_id=BOT["userId"], display_name="Shop"
    )
    [registration] = [request for request in provider.to(ENDPOINT) if request.method == "PUT"]
    assert registration.json == {"endpoint": CALLBACK}
    assert all(request.headers["authorization"] == f"Bearer {TOKEN}" for request in provider.requests)


@pytest.mark.parametrize("ask", [lifecycle.connect, lifecycle.status])
def test_a_webhook_that_is_switched_off_at_line_is_told(
    public: Deps, instance: Instance, provider: Stub, ask: Ask
) -> None:
    line_rules(provider, active=False)
    connection = ask(public, instance, CONFIG)
    assert connection.status is InstanceStatus.DISCONNECTED
    assert "Use webhook" in str(connection.detail)


def test_an_account_that_calls_another_address_is_disconnected(
    public: Deps, instance: Instance, provider: Stub
) -> None:
    line_rules(provider, endpoint="https://elsewhere.example/webhook")
    connection = lifecycle.status(public, instance, CONFIG)
    assert (connection.status, connection.external_id) == (InstanceStatus.DISCONNECTED, BOT["userId"])
    assert "another address" in str(connection.detail)


@pytest.mark.parametrize("ask", [lifecycle.connect, lifecycle.status])
def test_without_a_public_address_line_is_told_nothing(
    deps: Deps, instance: Instance, provider: Stub, ask: Ask
) -> None:
    line_rules(provider)
    connection = ask(deps, instance, CONFIG)
    assert (connection.status, connection.webhook_url) == (InstanceStatus.CONNECTED, None)
    assert "PUBLIC_URL" in str(connection.detail)
    assert provider.to(ENDPOINT) == []


@pytest.mark.parametrize("ask", [lifecycle.connect, lifecycle.status, lifecycle.probe])
def test_a_wrong_token_names_the_setting_and_not_the_token(
    public: Deps, instance: Instance, provider: Stub, ask: Callable[[Deps, Instance, LineConfig], object]
) -> None:
    refusal = {"message": "Authentication failed. Confirm that the access token in the authorization header is valid."}
    provider.on("GET", "/v2/bot/info$", Reply(401, refusal))
    with pytest.raises(ProviderRejected, match=r"Authentication failed.*config\.channelAccessToken") as caught:
        ask(public, instance, CONFIG)
    assert TOKEN not in str(caught.value)


def test_an_address_that_line_does_not_take_is_told_with_lines_words(
    public: Deps, instance: Instance, provider: Stub
) -> None:
    line_rules(provider)
    provider.on("PUT", ENDPOINT, Reply(400, {"message": "Invalid webhook endpoint URL"}))
    with pytest.raises(ProviderRejected, match="Invalid webhook endpoint URL"):
        lifecycle.connect(public, instance, CONFIG)


def test_an_answer_that_names_no_account_is_refused(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/v2/bot/info$", Reply(json={"displayName": "?"}))
    with pytest.raises(ProviderRejected, match="LINE_API_URL"):
        lifecycle.connect(public, instance, CONFIG)


def test_line_being_down_can_be_tried_again(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/v2/bot/info$", Reply(503, {"message": "Service unavailable"}))
    with pytest.raises(ProviderUnavailable):
        lifecycle.connect(public, instance, CONFIG)
