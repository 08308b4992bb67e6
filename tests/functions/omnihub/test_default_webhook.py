"""Evolution's calls that name no instance in their address."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.omnihub.main import blueprints
from functions.webhooks.blueprint import api as webhooks
from shared.deps import Deps
from shared.usecases.instances.instance_lookup import get_default
from tests.apps import create_app
from tests.evolution import Evolution
from tests.functions.keys import key_for
from tests.functions.omnihub.door import PATH, create
from tests.stubs import Stub


@pytest.fixture(autouse=True)
def server(new: dict[str, Any], provider: Stub) -> Evolution:
    return Evolution(provider)


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return create_app(deps, [*blueprints(), webhooks]).test_client()


def test_a_default_webhook_that_is_called_for_another_account_shows_with_the_instance(
    client: FlaskClient, deps: Deps, new: dict[str, Any], server: Evolution
) -> None:
    create(client, new, "shop", whatsapp_instance="acme-support")
    headers = server.hook["headers"]
    for name, warned in (("acme-support", False), ("shop", False), ("elsewhere", True)):
        event = {"event": "presence.update", "instance": name, "data": {}}
        answer = client.post("/webhook/evolution", json=event, headers=headers)
        assert answer.json == {"status": "success", "instance": "shop"}
        assert ("account" in str(get_default(deps, "default").webhook.error)) is warned
    assert "about 'elsewhere'" in str(get_default(deps, "default").webhook.error)


def test_a_default_webhook_finds_the_account_it_is_about_where_the_default_is_no_evolution_instance(
    client: FlaskClient, new: dict[str, Any]
) -> None:
    create(client, new, "team", channel_type="slack")
    create(client, new, "shop", whatsapp_instance="acme-support")
    event = {"event": "presence.update", "instance": "acme-support", "data": {}}
    answer = client.post("/webhook/evolution", json=event)
    assert (answer.status_code, answer.json) == (200, {"status": "success", "instance": "shop"})
    assert client.post("/webhook/evolution/presence-update", json=event).status_code == 200
    for other in ({"instance": "elsewhere"}, {"instance": "team"}, {"instance": 7}, {}):
        refused = client.post("/webhook/evolution", json={"event": "presence.update", "data": {}} | other)
        assert refused.status_code == 404
        assert "the default instance is not one of Evolution's" in refused.json["detail"]  # type: ignore[index]
    assert client.post("/webhook/evolution", data=b"[" * 100_000).status_code == 404


def test_a_default_webhook_has_to_prove_itself_to_the_account_it_names(
    client: FlaskClient, new: dict[str, Any]
) -> None:
    create(client, new, "team", channel_type="slack")
    create(client, new, "shop", config={"webhook_secret": "right"})
    event = {"event": "presence.update", "instance": "shop", "data": {}}
    assert client.post("/webhook/evolution", json=event).status_code == 401
    for secret, status in (("wrong", 401), ("right", 200)):
        answer = client.post("/webhook/evolution", json=event, headers={"x-hub-webhook-secret": secret})
        assert answer.status_code == status


def test_a_default_webhook_never_finds_another_tenants_account(
    client: FlaskClient, deps: Deps, new: dict[str, Any]
) -> None:
    create(client, new, "team", channel_type="slack")
    foreign_body = new | {"name": "theirs"}
    assert client.post(PATH, json=foreign_body, headers=key_for(deps, "other")).status_code == 201
    event = {"event": "presence.update", "instance": "theirs", "data": {}}
    assert client.post("/webhook/evolution", json=event).status_code == 404
