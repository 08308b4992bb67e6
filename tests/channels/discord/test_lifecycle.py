"""Connecting a bot, inviting it, and asking how it stands."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from shared.channel.lifecycle import Connection
from shared.channels.discord import lifecycle, oauth
from shared.channels.discord.config import DiscordConfig
from shared.channels.discord.gateway import address
from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderError, ProviderRejected, ProviderUnavailable
from tests.stubs import Reply, Stub

KEY = "ab" * 32
URL = "https://hub.example/webhook/discord/i1"
APPLICATION = {
    "id": "775799577604522054",
    "name": "Helper",
    "verify_key": KEY,
    "interactions_endpoint_url": None,
    "bot": {"id": "775799577604522999", "username": "helper", "bot": True},
}
CONNECTED = Connection(
    status=InstanceStatus.CONNECTED,
    webhook_url=URL,
    external_id="775799577604522054",
    display_name="helper",
    config={"client_id": "775799577604522054", "public_key": KEY},
)


def config(**fields: str) -> DiscordConfig:
    return DiscordConfig.model_validate({"bot_token": "MTk4.secret"} | fields)


def run_operation(deps: Deps, instance: Instance, what: str, discord_config: DiscordConfig) -> Connection:
    connection: Connection = getattr(lifecycle, what)(deps, instance, discord_config)
    return connection


def test_connecting_finds_the_application_and_its_key(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/applications/@me$", Reply(json=APPLICATION))
    assert run_operation(public, instance, "connect", config()) == CONNECTED
    assert [request.method for request in provider.requests] == ["GET"]
    assert provider.requests[0].headers["authorization"] == "Bot MTk4.secret"


def test_interactions_are_sent_for_once_the_key_is_kept(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/applications/@me$", Reply(json=APPLICATION))
    provider.on("PATCH", "/applications/@me$", Reply(json=APPLICATION | {"interactions_endpoint_url": URL}))
    assert run_operation(public, instance, "connect", config(public_key=KEY)) == CONNECTED
    assert provider.requests[-1].json == {"interactions_endpoint_url": URL}
    provider.on("GET", "/applications/@me$", Reply(json=APPLICATION | {"interactions_endpoint_url": URL}))
    run_operation(public, instance, "connect", config(public_key=KEY))
    assert [request.method for request in provider.requests] == ["GET", "PATCH", "GET"]


def test_without_a_public_address_none_is_registered(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/applications/@me$", Reply(json=APPLICATION))
    assert run_operation(deps, instance, "connect", config(public_key=KEY)).webhook_url is None


def test_an_address_that_discord_cannot_call_is_named(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/applications/@me$", Reply(json=APPLICATION))
    refusal = {"message": "Invalid Form Body", "code": 50035}
    provider.on("PATCH", "/applications/@me$", Reply(400, refusal))
    with pytest.raises(ProviderRejected, match=rf"{URL}.*Invalid Form Body"):
        run_operation(public, instance, "connect", config(public_key=KEY))


def test_without_a_token_nobody_is_asked(deps: Deps, instance: Instance, provider: Stub) -> None:
    for what in ("connect", "status"):
        connection = run_operation(deps, instance, what, DiscordConfig())
        assert connection.status is InstanceStatus.NOT_CONFIGURED
        assert "bot_token" in (connection.detail or "")
    assert provider.requests == []


@pytest.mark.parametrize("what", ["connect", "status", "probe"])
def test_a_wrong_token_names_the_setting(deps: Deps, instance: Instance, provider: Stub, what: str) -> None:
    provider.on("GET", "/applications/@me$", Reply(401, {"message": "401: Unauthorized", "code": 0}))
    with pytest.raises(ProviderRejected, match=r"config\.botToken"):
        run_operation(deps, instance, what, config())


def test_an_answer_that_is_not_discords_names_the_setting(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/applications/@me$", Reply(json={"id": "1"}))
    with pytest.raises(ProviderRejected, match="DISCORD_API_URL"):
        run_operation(deps, instance, "connect", config())


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (InstanceStatus.CONNECTED, InstanceStatus.CONNECTED),
        (InstanceStatus.ERROR, InstanceStatus.CONNECTED),
        (InstanceStatus.DISCONNECTED, InstanceStatus.DISCONNECTED),
        (InstanceStatus.DELETED, InstanceStatus.DISCONNECTED),
    ],
)
def test_what_was_logged_out_stays_so(
    deps: Deps, instance: Instance, provider: Stub, before: InstanceStatus, expected: InstanceStatus
) -> None:
    provider.on("GET", "/applications/@me$", Reply(json=APPLICATION))
    stored = instance.model_copy(update={"status": before})
    assert run_operation(deps, stored, "status", config()).status is expected


def test_discord_being_down_can_be_tried_again(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/applications/@me$", Reply(502))
    with pytest.raises(ProviderUnavailable):
        run_operation(deps, instance, "status", config())


def test_the_invitation_asks_for_commands_and_permissions() -> None:
    links = oauth.links(Settings(), config(client_id="12"), None)
    url = urlsplit(links.invite_url or "")
    assert url._replace(query="").geturl() == "https://discord.com/oauth2/authorize"
    query = parse_qs(url.query)
    assert (query["client_id"], query["scope"]) == (["12"], ["bot applications.commands"])
    for needed in (6, 10, 11, 14, 15, 16, 38):
        assert int(query["permissions"][0]) >> needed & 1
    assert "DISCORD_CLIENT_ID" in oauth.links(Settings(), DiscordConfig(), None).message


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (Reply(json={"url": "wss://g", "session_start_limit": {"remaining": 5}}), ProviderUnavailable, "a day"),
        (Reply(json={"shards": 1}), ProviderRejected, "DISCORD_API_URL"),
        (Reply(401, {"message": "401: Unauthorized", "code": 0}), ProviderRejected, r"config\.botToken"),
        (Reply(403, {"message": "You are locked out"}), ProviderUnavailable, "locked out"),
    ],
)
def test_the_gateway_is_not_begun_where_that_would_harm(
    deps: Deps, instance: Instance, provider: Stub, answer: Reply, error: type[ProviderError], reason: str
) -> None:
    provider.on("GET", "/gateway/bot$", answer)
    with pytest.raises(error, match=reason):
        address(deps, instance, config())


def test_the_gateways_address_is_asked_for(deps: Deps, instance: Instance, provider: Stub) -> None:
    gateway_info = {
        "url": "wss://gateway.discord.gg",
        "shards": 1,
        "session_start_limit": {"total": 1000, "remaining": 9},
    }
    provider.on("GET", "/gateway/bot$", Reply(json=gateway_info))
    assert address(deps, instance, config()) == "wss://gateway.discord.gg"
