"""A WhatsApp account on an Evolution server is used by its own tenant alone, and by one channel alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from shared.channels.whatsapp_evolution import outbound
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected
from shared.usecases import sweep
from shared.usecases.instances import instances, removals
from tests.evolution import SharedServer
from tests.functions.keys import key_for
from tests.security.tenants import Business, business, deployment
from tests.stubs import Reply, Stub

KEY = "the-deployments-evolution-key"
VICTIM = "acme-support"


@pytest.fixture
def server(provider: Stub) -> SharedServer:
    return SharedServer(provider, KEY)


@pytest.fixture
def shared(deps: Deps, server: SharedServer) -> Deps:
    """A deployment whose tenants share its Evolution server."""
    return deployment(deps, evolution_url=server.url, evolution_key=SecretStr(KEY))


@pytest.fixture
def operator(shared: Deps) -> Business:
    """The first to register, whose tenant is the operator's own: the others are guests on its server."""
    return business(shared, "operator")


@pytest.fixture
def alice(shared: Deps, operator: Business) -> Business:
    return business(shared, "alice")


@pytest.fixture
def mallory(shared: Deps, operator: Business) -> Business:
    return business(shared, "mallory")


def channels_of(tenant: Business) -> Any:
    return tenant.call("GET", "/api/channels").json


CREATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "by its name": ("POST", "/api/channels", {"name": VICTIM, "type": "WHATSAPP"}),
    "by the account's name": (
        "POST",
        "/api/channels",
        {"name": "mine", "type": "WHATSAPP", "config": {"whatsappInstance": VICTIM}},
    ),
    "by a made up token": (
        "POST",
        "/api/channels",
        {"name": "mine", "type": "WHATSAPP", "config": {"whatsappInstance": VICTIM, "instanceToken": "guess"}},
    ),
    "by a made up key": (
        "POST",
        "/api/channels",
        {"name": VICTIM, "type": "WHATSAPP", "config": {"evolutionKey": "guess"}},
    ),
    "in the Dashboard": ("POST", "/channels/whatsapp/configure", {"configuration": {"whatsapp_instance": VICTIM}}),
    "in Omni-Hub": (
        "POST",
        "/api/v1/instances",
        {
            "name": VICTIM,
            "channel_type": "whatsapp",
            "whatsapp_instance": VICTIM,
            "agent_api_url": "https://agent.example.com",
            "agent_api_key": "agent-key",
            "default_agent": "support",
        },
    ),
}


@pytest.mark.parametrize(("method", "path", "body"), CREATIONS.values(), ids=CREATIONS)
def test_a_stranger_gets_nothing_of_an_account_that_the_hub_did_not_create(
    shared: Deps, server: SharedServer, mallory: Business, method: str, path: str, body: dict[str, Any]
) -> None:
    account = server.add(VICTIM, "ACME-TOKEN")
    headers = key_for(shared, mallory.tenant_id, Role.ADMIN)
    mallory.client.open(path, method=method, json=body, headers=headers)
    for instance in instances.list_page(shared, mallory.tenant_id):
        for operation in ("restart", "logout"):
            mallory.client.post(f"/api/v1/instances/{instance.name}/{operation}", headers=headers)
        mallory.client.get(f"/api/v1/instances/{instance.name}/qr", headers=headers)
        mallory.client.delete(f"/api/v1/instances/{instance.name}/channel", headers=headers)
        mallory.client.delete(f"/api/channels/{instance.id}", headers=headers)
    assert server.accounts[VICTIM] is account
    assert (account.state, account.hook) == ("open", {})
    assert server.opened_by_server_key(VICTIM) == []


def test_a_stranger_who_renames_the_account_of_a_channel_gets_nothing_of_it(
    shared: Deps, server: SharedServer, alice: Business, mallory: Business
) -> None:
    alices = alice.whatsapp("alice")
    account_name = alices["config"]["whatsappInstance"]
    account = server.accounts[account_name]
    before = dict(account.hook)
    own = mallory.whatsapp("mallory")
    changed = mallory.call("PATCH", f"/api/channels/{own['id']}", {"config": {"whatsappInstance": account_name}})
    assert changed.json["status"] == "ERROR"  # type: ignore[index]
    instance = instances.by_id(shared, mallory.tenant_id, own["id"])
    with pytest.raises(ProviderRejected):
        outbound.send(
            shared,
            instance,
            instances.load_config(shared, instance),  # type: ignore[arg-type]  # the channel's own model
            OutboxPayload(external_conversation_id="5511988887777@s.whatsapp.net", text="fraud"),
        )
    assert account.hook == before
    assert server.opened_by_server_key(account_name) == []


def test_accounts_on_the_shared_server_have_random_names_that_tell_tenants_apart(
    server: SharedServer, alice: Business, mallory: Business
) -> None:
    names = [
        tenant.whatsapp(f"{label}-{number}")["config"]["whatsappInstance"]
        for label, tenant in (("alice", alice), ("mallory", mallory))
        for number in range(2)
    ]
    assert set(names) == set(server.accounts)
    prefixes = [name.partition("-")[0] for name in names]
    assert prefixes[0] == prefixes[1] != prefixes[2] == prefixes[3]
    assert all(len(name.partition("-")[2]) >= 16 for name in names)


def test_the_account_of_a_deleted_channel_stays_out_of_reach_until_it_is_deleted(
    shared: Deps, server: SharedServer, alice: Business, mallory: Business
) -> None:
    channel = alice.whatsapp("support")
    (account_name,) = server.accounts
    hook = server.accounts[account_name].hook
    server.deletion = Reply(500, {"message": "boom"})
    assert alice.call("DELETE", f"/api/channels/{channel['id']}").status_code in (200, 204)
    assert channels_of(alice) == []
    for name in ("support", account_name):
        mallory.call("POST", "/api/channels", {"name": name, "type": "WHATSAPP"})
    headers = key_for(shared, mallory.tenant_id)
    body = {"channel_type": "slack", "agent_api_url": "https://agent.example.com", "default_agent": "a"}
    named = body | {"name": "support", "agent_api_key": "k"}
    assert mallory.client.post("/api/v1/instances", json=named, headers=headers).status_code == 400
    assert server.accounts[account_name].hook == hook
    server.deletion = None
    later = replace(shared, now=lambda: shared.now() + timedelta(minutes=2))
    sweep.sweep(later)
    assert account_name not in server.accounts
    assert mallory.client.post("/api/v1/instances", json=named, headers=headers).status_code == 201


def test_a_deletion_is_tried_again_at_growing_pauses_and_given_up_in_the_end(
    shared: Deps, server: SharedServer, alice: Business
) -> None:
    channel = alice.whatsapp("support")
    instance = instances.by_id(shared, alice.tenant_id, channel["id"])
    server.deletion = Reply(500)
    alice.call("DELETE", f"/api/channels/{channel['id']}")
    tried = 0
    for minutes in range(60):
        tried += removals.retry_due(replace(shared, now=lambda at=minutes: shared.now() + timedelta(minutes=at)))  # type: ignore[misc]
    assert 3 <= tried <= 6
    assert shared.secrets.read(instance.secret_name)
    removals.retry_due(replace(shared, now=lambda: shared.now() + timedelta(days=31)))
    assert shared.secrets.read(instance.secret_name) == {}
    assert alice.whatsapp("support")["config"]["whatsappInstance"] != channel["config"]["whatsappInstance"]


@pytest.mark.parametrize("field", ["evolutionKey", "instanceToken"])
def test_an_account_is_adopted_with_its_own_token(server: SharedServer, alice: Business, field: str) -> None:
    account = server.add(VICTIM, "ACME-TOKEN")
    channel = alice.whatsapp("support", whatsappInstance=VICTIM, **{field: "ACME-TOKEN"})
    assert channel["status"] == "CONNECTED"
    assert account.hook["url"].endswith("/webhook/evolution/support")
    assert server.opened_by_server_key(VICTIM) == []


def test_the_operator_may_name_the_accounts_of_their_own_server(server: SharedServer, operator: Business) -> None:
    server.add("shop", "SHOP-TOKEN")
    assert operator.whatsapp("shop")["status"] == "CONNECTED"


def test_the_second_channel_of_an_account_changes_nothing_of_the_first(deps: Deps, provider: Stub) -> None:
    server = SharedServer(provider, "own-key")
    account = server.add("shop", "SHOP-TOKEN")
    hub = deployment(deps, evolution_url=None)
    alice, mallory = business(hub, "alice"), business(hub, "mallory")
    own = {"whatsappInstance": "shop", "evolutionKey": "own-key"}
    first = alice.whatsapp("first", evolutionUrl=server.url, **own)
    hook = account.hook
    second = mallory.whatsapp("second", evolutionUrl=f"{server.url}/", **own)
    assert (first["status"], second["status"]) == ("CONNECTED", "ERROR")
    assert account.hook == hook
    headers = key_for(hub, mallory.tenant_id)
    name = instances.by_id(hub, mallory.tenant_id, second["id"]).name
    for method, path in (("POST", "restart"), ("POST", "logout"), ("DELETE", "channel")):
        answer = mallory.client.open(f"/api/v1/instances/{name}/{path}", method=method, headers=headers)
        assert answer.status_code == 409, answer.text
    mallory.call("DELETE", f"/api/channels/{second['id']}")
    assert server.accounts["shop"] is account
    assert (account.state, account.hook) == ("open", hook)


def test_nobody_reserves_an_account_whose_key_they_do_not_have(deps: Deps, provider: Stub) -> None:
    server = SharedServer(provider, "own-key")
    server.add("shop", "SHOP-TOKEN")
    hub = deployment(deps, evolution_url=None)
    alice, mallory = business(hub, "alice"), business(hub, "mallory")
    where = {"evolutionUrl": server.url, "whatsappInstance": "shop"}
    assert mallory.whatsapp("first", evolutionKey="guess", **where)["status"] == "ERROR"
    assert alice.whatsapp("second", evolutionKey="own-key", **where)["status"] == "CONNECTED"


def test_a_channel_of_an_earlier_version_goes_on_with_its_account(
    shared: Deps, server: SharedServer, alice: Business
) -> None:
    """It has the account's token, and the channel's name for the account's."""
    server.add("support", "TOKEN-OF-SUPPORT")
    channel = alice.whatsapp("support", instanceToken="TOKEN-OF-SUPPORT")
    assert channel["status"] == "CONNECTED"
    assert list(server.accounts) == ["support"]
