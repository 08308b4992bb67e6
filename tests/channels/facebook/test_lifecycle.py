"""Connecting a page."""

from __future__ import annotations

import pytest

from shared.channel.lifecycle import Connection
from shared.channels.facebook import lifecycle
from shared.channels.facebook.config import FacebookConfig
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected, ProviderUnavailable
from tests.stubs import Reply, Stub

PAGE = {"id": "682498302938465", "name": "Shop"}


def connect(deps: Deps, instance: Instance) -> Connection:
    return lifecycle.connect(deps, instance, FacebookConfig.model_validate({"page_access_token": "EAAB"}))


def test_page_is_asked_for_and_subscribed_to(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", r"^/v23\.0/me\?fields=id%2Cname$", Reply(json=PAGE))
    provider.on("POST", r"^/v23\.0/682498302938465/subscribed_apps$", Reply(json={"success": True}))
    assert connect(public, instance) == Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url="https://hub.example/api/facebook/webhook",
        external_id="682498302938465",
        display_name="Shop",
    )
    fields = provider.to("subscribed_apps")[0].json["subscribed_fields"].split(",")
    assert {"messages", "messaging_postbacks", "message_deliveries", "message_reads", "message_echoes"} <= set(fields)
    assert all(request.headers["authorization"] == "Bearer EAAB" for request in provider.requests)


def test_without_a_public_address_nothing_is_subscribed(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/me", Reply(json={"id": "682498302938465"}))
    connection = connect(deps, instance)
    assert (connection.webhook_url, connection.display_name) == (None, "682498302938465")
    assert "PUBLIC_URL" in str(connection.detail)
    assert provider.to("subscribed_apps") == []


def test_invalid_token_names_the_setting(public: Deps, instance: Instance, provider: Stub) -> None:
    refusal = {"error": {"message": "Invalid OAuth access token.", "type": "OAuthException", "code": 190}}
    provider.on("GET", "/me", Reply(400, refusal))
    with pytest.raises(ProviderRejected, match=r"Invalid OAuth access token.*config\.pageAccessToken"):
        connect(public, instance)


def test_token_of_no_page_names_the_setting(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/me", Reply(json={"name": "?"}))
    with pytest.raises(ProviderRejected, match=r"config\.pageAccessToken"):
        connect(public, instance)


def test_refused_subscription_says_which_permissions_are_needed(
    public: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("GET", "/me", Reply(json=PAGE))
    refusal = {"error": {"message": "(#200) no permission", "code": 200}}
    provider.on("POST", "subscribed_apps", Reply(403, refusal))
    with pytest.raises(ProviderRejected, match=r"no permission.*pages_manage_metadata"):
        connect(public, instance)


def test_meta_being_down_can_be_tried_again(public: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("GET", "/me", Reply(503))
    with pytest.raises(ProviderUnavailable):
        connect(public, instance)


def ended(deps: Deps, instance: Instance, what: str) -> Connection:
    ability = getattr(lifecycle, what)
    connection: Connection = ability(deps, instance, FacebookConfig.model_validate({"page_access_token": "EAAB"}))
    return connection


@pytest.mark.parametrize(
    ("apps", "status"), [([{"id": "1", "name": "Hub"}], InstanceStatus.CONNECTED), ([], InstanceStatus.DISCONNECTED)]
)
def test_status_is_whether_the_token_is_good_and_events_come(
    public: Deps, instance: Instance, provider: Stub, apps: list[object], status: InstanceStatus
) -> None:
    provider.on("GET", "/me", Reply(json=PAGE))
    provider.on("GET", "/682498302938465/subscribed_apps", Reply(json={"data": apps}))
    connection = ended(public, instance, "status")
    assert (connection.status, connection.external_id, connection.display_name) == (status, "682498302938465", "Shop")


@pytest.mark.parametrize(
    ("noted", "status"),
    [
        (InstanceStatus.ERROR, InstanceStatus.CONNECTED),
        (InstanceStatus.DISCONNECTED, InstanceStatus.DISCONNECTED),
        (InstanceStatus.DELETED, InstanceStatus.DISCONNECTED),
    ],
)
def test_without_a_public_address_a_page_that_was_logged_out_stays_so(
    deps: Deps, instance: Instance, provider: Stub, noted: InstanceStatus, status: InstanceStatus
) -> None:
    provider.on("GET", "/me", Reply(json=PAGE))
    assert ended(deps, instance.model_copy(update={"status": noted}), "status").status is status
    assert provider.to("subscribed_apps") == []


@pytest.mark.parametrize(
    ("what", "status"), [("logout", InstanceStatus.DISCONNECTED), ("remove", InstanceStatus.DELETED)]
)
@pytest.mark.parametrize("page_id", ["682498302938465", None])
def test_logging_out_and_removing_unsubscribe_the_app(
    public: Deps, instance: Instance, provider: Stub, what: str, status: InstanceStatus, page_id: str | None
) -> None:
    provider.on("GET", "/me", Reply(json=PAGE))
    provider.on("DELETE", "/682498302938465/subscribed_apps", Reply(json={"success": True}))
    assert ended(public, instance.model_copy(update={"external_id": page_id}), what).status is status
    assert len(provider.to("subscribed_apps")) == 1
