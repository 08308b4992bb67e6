"""Connecting an Instagram account: with a token of its own, with its page's, and by a login at Instagram."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from shared.channel.lifecycle import Connection
from shared.channel.oauth import Redirect
from shared.channels.instagram import lifecycle, oauth
from shared.channels.instagram.config import InstagramConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import NotConfigured, ProviderError, ProviderRejected, ProviderUnavailable
from tests.channels.instagram.example import ACCOUNT
from tests.stubs import Reply, Stub

PAGE = {"id": "682498302938465", "instagram_business_account": {"id": "17841405822304914", "username": "the_shop"}}
RENEW = r"^/refresh_access_token\?grant_type=ig_refresh_token&access_token="
REFUSAL = {"error": {"message": "Invalid OAuth access token.", "type": "OAuthException", "code": 190}}
OWN, OF_PAGE = InstagramConfig.model_validate({"accessToken": "IGAA1"}), {"accessToken": "EAAB1"}
CALLBACK = "https://hub.example/oauth/instagram/callback"


def linked(**fields: str) -> InstagramConfig:
    return InstagramConfig.model_validate(OF_PAGE | fields)


def instagram_rules(provider: Stub) -> None:
    """Play a Graph API that takes every token."""
    provider.on("GET", r"/me\?", Reply(json=ACCOUNT))
    provider.on("GET", RENEW, Reply(json={"access_token": "IGAA2", "token_type": "bearer", "expires_in": 5183944}))
    for method in ("POST", "DELETE"):
        provider.on(method, "/subscribed_apps", Reply(json={"success": True}))


def test_connecting_subscribes_to_the_account_and_renews_its_token(
    public: Deps, instance: Instance, provider: Stub
) -> None:
    instagram_rules(provider)
    assert lifecycle.connect(public, instance, OWN) == Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url="https://hub.example/webhook/instagram",
        external_id="17841405822304914",
        display_name="the_shop",
        secrets={"access_token": "IGAA2"},
    )
    [subscription] = provider.to("^/v23.0/me/subscribed_apps$")
    assert {"messages", "messaging_seen", "messaging_postbacks"} <= set(
        subscription.json["subscribed_fields"].split(",")
    )
    assert subscription.headers["authorization"] == "Bearer IGAA1"


def test_a_token_that_is_not_renewed_stays(public: Deps, instance: Instance, provider: Stub) -> None:
    instagram_rules(provider)
    provider.on("GET", RENEW, Reply(400, {"error": {"message": "The token is too young"}}))
    connection = lifecycle.connect(public, instance, OWN)
    assert (connection.status, connection.secrets) == (InstanceStatus.CONNECTED, {})


def test_a_pages_token_connects_the_account_that_is_linked_to_it(
    public: Deps, instance: Instance, provider: Stub
) -> None:
    instagram_rules(provider)
    provider.on("GET", r"/me\?", Reply(json=PAGE))
    connection = lifecycle.connect(public, instance, linked())
    assert (connection.external_id, connection.display_name) == ("17841405822304914", "the_shop")
    assert (connection.config, connection.secrets) == ({"page_id": PAGE["id"]}, {})
    assert len(provider.to(f"^/v23.0/{PAGE['id']}/subscribed_apps$")) == 1
    assert provider.to(RENEW) == []


@pytest.mark.parametrize("me", [{"id": "682498302938465"}, {"id": "1", "instagram_business_account": []}])
def test_a_page_without_an_account_is_refused(
    public: Deps, instance: Instance, provider: Stub, me: dict[str, Any]
) -> None:
    provider.on("GET", r"/me\?", Reply(json=me))
    with pytest.raises(ProviderRejected, match="linked"):
        lifecycle.connect(public, instance, linked())


def test_without_a_public_address_nothing_is_subscribed(deps: Deps, instance: Instance, provider: Stub) -> None:
    instagram_rules(provider)
    connection = lifecycle.connect(deps, instance, OWN)
    assert connection.webhook_url is None
    assert "PUBLIC_URL" in str(connection.detail)
    assert provider.to("subscribed_apps") == []


def test_a_refused_token_names_the_setting(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", r"/me\?", Reply(400, REFUSAL))
    with pytest.raises(ProviderRejected, match=r"Invalid OAuth access token.*config\.accessToken"):
        lifecycle.connect(public, instance, linked())


def test_a_refused_subscription_says_which_permissions_are_needed(
    public: Deps, instance: Instance, provider: Stub
) -> None:
    instagram_rules(provider)
    provider.on("POST", "subscribed_apps", Reply(403, {"error": {"message": "(#200) no permission", "code": 200}}))
    with pytest.raises(ProviderRejected, match="instagram_business_manage_messages"):
        lifecycle.connect(public, instance, OWN)


def test_without_a_token_the_way_to_one_is_told(deps: Deps, instance: Instance) -> None:
    with pytest.raises(NotConfigured, match="access_token is missing"):
        lifecycle.probe(deps, instance, InstagramConfig())
    connection = lifecycle.connect(deps, instance, InstagramConfig())
    assert connection.status is InstanceStatus.NOT_CONFIGURED
    assert "auth_url" in str(connection.detail)


@pytest.mark.parametrize(
    ("apps", "status"), [([{"id": "1"}], InstanceStatus.CONNECTED), ([], InstanceStatus.DISCONNECTED)]
)
def test_the_status_is_whether_an_app_is_subscribed(
    public: Deps, instance: Instance, provider: Stub, apps: list[Any], status: InstanceStatus
) -> None:
    instagram_rules(provider)
    provider.on("GET", "subscribed_apps", Reply(json={"data": apps}))
    assert lifecycle.status(public, instance, OWN).status is status


@pytest.mark.parametrize("was", [InstanceStatus.CONNECTED, InstanceStatus.DISCONNECTED])
def test_where_nobody_subscribes_the_status_stays_what_it_was(
    deps: Deps, instance: Instance, provider: Stub, was: InstanceStatus
) -> None:
    instagram_rules(provider)
    assert lifecycle.status(deps, instance.model_copy(update={"status": was}), OWN).status is was


@pytest.mark.parametrize(
    ("config", "path"), [(OWN, "/me/subscribed_apps"), (linked(pageId="68"), "/68/subscribed_apps")]
)
def test_logging_out_and_removing_unsubscribe(
    public: Deps, instance: Instance, provider: Stub, config: InstagramConfig, path: str
) -> None:
    instagram_rules(provider)
    assert lifecycle.logout(public, instance, config).status is InstanceStatus.DISCONNECTED
    assert lifecycle.remove(public, instance, config).status is InstanceStatus.DELETED
    assert [request.method for request in provider.to(path)] == ["DELETE", "DELETE"]


def with_app(deps: Deps, **fields: Any) -> Deps:
    settings = {"instagram_app_id": "990602", "instagram_app_secret": SecretStr("app-secret")} | fields
    return replace(deps, settings=deps.settings.model_copy(update=settings))


def test_the_link_leads_to_instagrams_login(public: Deps) -> None:
    redirect = Redirect(url=CALLBACK, state="signed-state")
    links = oauth.links(with_app(public).settings, InstagramConfig(), redirect)
    query = {name: values[0] for name, values in parse_qs(urlsplit(str(links.auth_url)).query).items()}
    assert query == {
        "client_id": "990602",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "instagram_business_basic,instagram_business_manage_messages",
        "state": "signed-state",
    }


def test_without_an_app_or_an_address_the_link_says_what_to_set(public: Deps) -> None:
    redirect = Redirect(url=CALLBACK, state="signed-state")
    assert "INSTAGRAM_APP_ID" in oauth.links(public.settings, InstagramConfig(), redirect).message
    assert "PUBLIC_URL" in oauth.links(with_app(public).settings, InstagramConfig(), None).message


@pytest.mark.parametrize("answer", [{"access_token": "short"}, {"data": [{"access_token": "short"}]}])
def test_a_code_becomes_a_token_for_60_days_and_the_account_is_connected(
    public: Deps, instance: Instance, provider: Stub, answer: dict[str, Any]
) -> None:
    instagram_rules(provider)
    provider.on("POST", "^/oauth/access_token$", Reply(json=answer))
    provider.on("GET", r"^/access_token\?", Reply(json={"access_token": "IGAA9", "expires_in": 5183944}))
    connection = oauth.install(with_app(public), instance, InstagramConfig(), "the-code#_", CALLBACK)
    assert (connection.external_id, connection.secrets) == ("17841405822304914", {"access_token": "IGAA9"})
    [login] = provider.to("^/oauth/access_token$")
    assert {name: values[0] for name, values in parse_qs(login.body.decode()).items()} == {
        "client_id": "990602",
        "client_secret": "app-secret",
        "grant_type": "authorization_code",
        "redirect_uri": CALLBACK,
        "code": "the-code",
    }
    [exchange] = provider.to(r"^/access_token\?")
    assert "grant_type=ig_exchange_token&client_secret=app-secret&access_token=short" in exchange.path
    assert provider.to("/me/subscribed_apps")[0].headers["authorization"] == "Bearer IGAA9"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            Reply(400, {"error_type": "OAuthException", "error_message": "Invalid authorization code"}),
            "Invalid authoriz",
        ),
        (Reply(400, {"error": {"message": "Session has expired"}}), "Session has expired"),
        (Reply(500, text="<html>"), "HTTP 500"),
        (Reply(json={"data": []}), "no token"),
        (Reply(json=[]), "no token"),
    ],
)
def test_a_code_that_brings_no_token_is_told_without_secrets(
    public: Deps, instance: Instance, provider: Stub, answer: Reply, reason: str
) -> None:
    provider.on("POST", "^/oauth/access_token$", answer)
    with pytest.raises(ProviderError, match=reason) as caught:
        oauth.install(with_app(public), instance, InstagramConfig(), "the-code", CALLBACK)
    assert "app-secret" not in str(caught.value)
    assert "the-code" not in str(caught.value)


def test_installing_needs_the_apps_secret(public: Deps, instance: Instance) -> None:
    with pytest.raises(NotConfigured, match="INSTAGRAM_APP_SECRET"):
        oauth.install(with_app(public, instagram_app_secret=None), instance, InstagramConfig(), "code", CALLBACK)


def test_meta_being_down_can_be_tried_again(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", RENEW, Reply(503, text=""))
    provider.on("GET", r"/me\?", Reply(503, text=""))
    with pytest.raises(ProviderUnavailable):
        lifecycle.connect(public, instance, OWN)
