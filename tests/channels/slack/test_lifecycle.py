"""Installing the app, connecting with a token, and ending it."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.channel.lifecycle import Connection
from shared.channel.oauth import Redirect
from shared.channels.slack import lifecycle, oauth
from shared.channels.slack.config import SlackConfig
from shared.channels.slack.oauth import SCOPES
from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import OutcomeUnknown, ProviderRejected, ProviderUnavailable
from tests.stubs import Reply, Stub

IDENTITY = {
    "ok": True,
    "url": "https://acme.slack.com/",
    "team": "Acme",
    "user": "helper",
    "team_id": "T061EG9R6",
    "user_id": "U0LAN0Z89",
    "bot_id": "B0LAN0Z90",
}
GRANTED = {
    "ok": True,
    "access_token": "xoxb-17653672481-granted",
    "token_type": "bot",
    "scope": "chat:write",
    "bot_user_id": "U0LAN0Z89",
    "app_id": "A0MDYCDME",
    "team": {"name": "Acme", "id": "T061EG9R6"},
    "enterprise": None,
    "authed_user": {"id": "U2147483697"},
    "is_enterprise_install": False,
}
CONNECTED = Connection(
    status=InstanceStatus.CONNECTED,
    webhook_url="https://hub.example/webhook/slack/i1",
    external_id="A0MDYCDME:T061EG9R6",
    display_name="Acme",
    config={"app_id": "A0MDYCDME", "bot_user_id": "U0LAN0Z89"},
)
BACK = Redirect(url="https://hub.example/oauth/slack/callback", state="signed.state")


def config(**fields: str) -> SlackConfig:
    return SlackConfig.model_validate({"bot_token": "xoxb-1"} | fields)


def done(deps: Deps, instance: Instance, what: str, settings: SlackConfig) -> Connection:
    connection: Connection = getattr(lifecycle, what)(deps, instance, settings)
    return connection


def installed(deps: Deps, instance: Instance, **changes: str) -> Connection:
    fields = {"client_id": "12.34", "client_secret": "client-secret"} | changes
    return oauth.install(deps, instance, SlackConfig.model_validate(fields), "the-code", BACK.url)


def test_connecting_asks_whose_token_it_is(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/auth.test", Reply(json=IDENTITY))
    provider.on("GET", r"/bots.info\?bot=B0LAN0Z90$", Reply(json={"ok": True, "bot": {"app_id": "A0MDYCDME"}}))
    assert done(public, instance, "connect", config()) == CONNECTED
    assert all(request.headers["authorization"] == "Bearer xoxb-1" for request in provider.requests)


def test_an_app_that_may_not_look_itself_up_is_known_by_its_workspace(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("GET", "/auth.test", Reply(json=IDENTITY))
    provider.on("GET", "/bots.info", Reply(json={"ok": False, "error": "missing_scope"}))
    connection = done(deps, instance, "connect", config())
    assert (connection.external_id, connection.webhook_url) == ("T061EG9R6", None)
    assert done(deps, instance, "connect", config(app_id="A9")).external_id == "T061EG9R6"


def test_the_app_is_the_one_that_slack_states(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/auth.test", Reply(json=IDENTITY))
    provider.on("GET", "/bots.info", Reply(json={"ok": True, "bot": {"app_id": "A0MDYCDME"}}))
    connection = done(deps, instance, "connect", config(app_id="A9"))
    assert (connection.external_id, connection.config["app_id"]) == ("A0MDYCDME:T061EG9R6", "A0MDYCDME")


def test_without_a_token_nobody_is_asked(deps: Deps, instance: Instance, provider: Stub) -> None:
    for what in ("connect", "status"):
        connection = done(deps, instance, what, SlackConfig())
        assert connection.status is InstanceStatus.NOT_CONFIGURED
        assert "auth_url" in (connection.detail or "")
    assert done(deps, instance, "logout", SlackConfig()).status is InstanceStatus.DISCONNECTED
    assert provider.requests == []


def test_a_wrong_token_is_told_so(deps: Deps, instance: Instance, provider: Stub) -> None:
    refusal = Reply(json={"ok": False, "error": "invalid_auth"})
    provider.on("GET", "/auth.test", refusal)
    provider.on("POST", "/auth.test", refusal)
    with pytest.raises(ProviderRejected, match=r"invalid_auth; install the app again"):
        done(deps, instance, "connect", config())
    with pytest.raises(ProviderRejected, match="invalid_auth"):
        lifecycle.probe(deps, instance, config())


@pytest.mark.parametrize("error", ["invalid_auth", "account_inactive", "token_revoked"])
def test_a_dead_token_means_disconnected(deps: Deps, instance: Instance, provider: Stub, error: str) -> None:
    provider.on("POST", "/auth.test", Reply(json={"ok": False, "error": error}))
    connection = done(deps, instance, "status", config())
    assert connection.status is InstanceStatus.DISCONNECTED
    assert error in (connection.detail or "")


def test_the_state_is_connected_while_slack_takes_the_token(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/auth.test", Reply(json=IDENTITY))
    assert done(deps, instance, "status", config()) == Connection(status=InstanceStatus.CONNECTED, display_name="Acme")
    provider.on("POST", "/auth.test", Reply(503))
    with pytest.raises(ProviderUnavailable):
        done(deps, instance, "status", config())


@pytest.mark.parametrize(
    ("what", "status"), [("logout", InstanceStatus.DISCONNECTED), ("remove", InstanceStatus.DELETED)]
)
def test_ending_revokes_the_token_and_may_be_done_twice(
    deps: Deps, instance: Instance, provider: Stub, what: str, status: InstanceStatus
) -> None:
    provider.on("POST", "/auth.revoke$", Reply(json={"ok": False, "error": "token_revoked"}))
    provider.on("POST", "/auth.revoke$", Reply(json={"ok": True, "revoked": True}), times=1)
    assert done(deps, instance, what, config()).status is status
    assert done(deps, instance, what, config()).status is status


def test_the_link_asks_for_what_the_bot_does_and_leads_back() -> None:
    links = oauth.links(Settings(slack_client_id="12.34"), SlackConfig(), BACK)
    assert links.auth_url is not None
    url = urlsplit(links.auth_url)
    assert url._replace(query="").geturl() == "https://slack.com/oauth/v2/authorize"
    assert parse_qs(url.query) == {
        "client_id": ["12.34"],
        "scope": [",".join(SCOPES)],
        "state": ["signed.state"],
        "redirect_uri": [BACK.url],
    }


def test_what_is_missing_for_a_link_is_named() -> None:
    assert "SLACK_CLIENT_ID" in oauth.links(Settings(), SlackConfig(), BACK).message
    assert "PUBLIC_URL" in oauth.links(Settings(slack_client_id="1"), SlackConfig(), None).message


def test_a_code_becomes_the_bots_token(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", r"/oauth.v2.access", Reply(json=GRANTED))
    connection = installed(public, instance)
    assert connection.secrets == {"bot_token": "xoxb-17653672481-granted"}
    assert connection == Connection(
        status=CONNECTED.status,
        webhook_url=CONNECTED.webhook_url,
        external_id=CONNECTED.external_id,
        display_name=CONNECTED.display_name,
        config=CONNECTED.config,
        secrets=connection.secrets,
    )
    (request,) = provider.requests
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"12.34:client-secret").decode()
    assert parse_qs(urlsplit(request.path).query) == {"code": ["the-code"], "redirect_uri": [BACK.url]}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GRANTED.items() if key != name}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"ok": False, "error": "invalid_code"}, "invalid_code"),
        ({"ok": False, "error": "bad_client_secret"}, "bad_client_secret"),
        (without("access_token"), "no bot token"),
        (GRANTED | {"token_type": "user"}, "no bot token"),
        (GRANTED | {"team": None, "is_enterprise_install": True}, "single workspace"),
        (GRANTED | {"refresh_token": "xoxe-1", "expires_in": 43200}, "token rotation"),
    ],
)
def test_an_installation_that_gives_no_lasting_token_is_refused(
    deps: Deps, instance: Instance, provider: Stub, answer: dict[str, Any], reason: str
) -> None:
    provider.on("POST", r"/oauth.v2.access", Reply(json=answer))
    with pytest.raises(ProviderRejected, match=reason) as caught:
        installed(deps, instance)
    assert "xox" not in str(caught.value)


def test_an_instances_own_app_needs_its_own_secret(deps: Deps, instance: Instance, provider: Stub) -> None:
    with pytest.raises(ProviderRejected, match="SLACK_CLIENT_SECRET"):
        installed(deps, instance, client_secret="")
    assert provider.requests == []


def test_a_broken_exchange_does_not_tell_the_code(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", r"/oauth.v2.access", Reply(drop=True))
    with pytest.raises(OutcomeUnknown) as caught:
        installed(deps, instance)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
