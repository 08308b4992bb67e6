"""A call may name several accounts: for each of them it has to prove itself, whatever it proves for the others."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from pydantic import SecretStr
from werkzeug.test import TestResponse

from shared.deps import Deps
from shared.domain.events import InboundEvent, Topic
from shared.usecases.ingest import webhooks
from tests.channels.proofs import PROOFS, ROTATED, SECRET, Call
from tests.overlaps import overlaps
from tests.pipeline.hub import Hub
from tests.pipeline.manual_hub import another_process, manual_hub_of, seen_from
from tests.stubs import Received, Reply, Stub

OWN_ACCOUNT, OTHER_ACCOUNT, UNOWNED_ACCOUNT = "106540352242922", "106540352242923", "106540352242924"


@dataclass(frozen=True)
class Shared:
    """A channel whose provider calls one address for all accounts; `entry` is what happened at one of them."""

    type: str
    path: str
    body: str
    config: Callable[[str], dict[str, Any]]
    entry: Callable[[str], dict[str, Any]]


def _page_entry(page: str) -> dict[str, Any]:
    message = {"mid": f"m-{page}", "text": f"to {page}"}
    event = {"sender": {"id": "p1"}, "recipient": {"id": page}, "timestamp": int(time.time() * 1000)}
    return {"id": page, "time": 1, "messaging": [event | {"message": message}]}


def _number_entry(number: str) -> dict[str, Any]:
    text = {"id": f"wamid.{number}", "from": "16505551234", "timestamp": str(int(time.time())), "type": "text"}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": number, "phone_number_id": number},
        "contacts": [{"profile": {"name": "Ann"}, "wa_id": "16505551234"}],
        "messages": [text | {"text": {"body": f"to {number}"}}],
    }
    return {"id": "0", "changes": [{"field": "messages", "value": value}]}


SHARED = {
    "facebook": Shared(
        type="FACEBOOK",
        path="/api/facebook/webhook",
        body="page",
        config=lambda account: {"pageAccessToken": f"token-of-{account}"},
        entry=_page_entry,
    ),
    "instagram": Shared(
        type="INSTAGRAM",
        path="/webhook/instagram",
        body="instagram",
        config=lambda account: {"accessToken": f"token-of-{account}"},
        entry=_page_entry,
    ),
    "whatsapp_cloud": Shared(
        type="WHATSAPP",
        path="/webhook/whatsapp_cloud",
        body="whatsapp_business_account",
        config=lambda account: {"provider": "cloud", "accessToken": "EAAJ", "phoneNumberId": account},
        entry=_number_entry,
    ),
}
every_shared_address = pytest.mark.parametrize("name", SHARED)


@pytest.fixture
def hub(deps: Deps, provider: Stub) -> Hub:
    """A hub without consumers: the events of a call stay on the bus."""

    def me(request: Received) -> Reply:
        account = request.headers["authorization"].removeprefix("Bearer token-of-")
        return Reply(json={"id": account, "user_id": account, "name": "Page"})

    def number(request: Received) -> Reply:
        return Reply(json={"id": request.path.strip("/").split("?")[0].split("/")[-1], "verified_name": "Shop"})

    provider.on("GET", r"/10654\d+\?", number)
    provider.on("GET", "/me", me)
    return manual_hub_of(deps, provider)


def tenant_with(hub: Hub, name: str, account: str, secret: str = SECRET) -> tuple[str, str]:
    """A new tenant with a channel for that account; returns both ids."""
    hub.register(f"owner-of-{account}@example.com")
    return hub.tenant_id, channel_for(hub, name, account, secret)


def channel_for(hub: Hub, name: str, account: str, secret: str = SECRET) -> str:
    config = SHARED[name].config(account) | {"appSecret": secret}
    return str(hub.post("/api/channels", {"name": account, "type": SHARED[name].type, "config": config}, 201)["id"])


def call(
    hub: Hub,
    name: str,
    accounts: Sequence[str],
    secret: str = SECRET,
    channel: str | None = None,
    path: str | None = None,
) -> int:
    """The provider of whoever knows `secret` calls the shared address, that of one channel, or `path`."""
    shared = SHARED[name]
    raw = json.dumps({"object": shared.body, "entry": [shared.entry(account) for account in accounts]}).encode()
    headers = PROOFS[name].headers(Call(secret=secret, body=raw)) | {"content-type": "application/json"}
    path = f"/webhook/{name}/{channel}" if channel else path or shared.path
    answer: TestResponse = hub.client.post(path, data=raw, headers=headers)
    return answer.status_code


def brought(hub: Hub) -> list[tuple[str, str]]:
    """Tenant and channel of everything that calls have brought."""
    events = [each.event for each in overlaps(hub.deps).bus.published if each.topic is Topic.INBOUND]
    return [(event.tenant_id, event.instance_id) for event in cast("list[InboundEvent]", events)]


@every_shared_address
@pytest.mark.parametrize(
    "accounts",
    [
        (OWN_ACCOUNT, OTHER_ACCOUNT),
        (OTHER_ACCOUNT, OWN_ACCOUNT),
        (OWN_ACCOUNT, OWN_ACCOUNT, OTHER_ACCOUNT, OWN_ACCOUNT),
    ],
)
def test_ones_own_signature_brings_nothing_into_another_tenant(hub: Hub, name: str, accounts: Sequence[str]) -> None:
    tenant_with(hub, name, OTHER_ACCOUNT, ROTATED)
    tenant_with(hub, name, OWN_ACCOUNT)
    assert call(hub, name, accounts) == 401
    assert brought(hub) == []


@every_shared_address
@pytest.mark.parametrize("accounts", [(OWN_ACCOUNT, OTHER_ACCOUNT), (OTHER_ACCOUNT, OWN_ACCOUNT), (OTHER_ACCOUNT,)])
def test_ones_own_signature_at_ones_own_address_brings_nothing_into_another_tenant(
    hub: Hub, name: str, accounts: Sequence[str]
) -> None:
    tenant_with(hub, name, OTHER_ACCOUNT, ROTATED)
    tenant, channel = tenant_with(hub, name, OWN_ACCOUNT)
    assert call(hub, name, accounts, channel=channel) == 200
    assert brought(hub) == [(tenant, channel)] * len(accounts)


@every_shared_address
def test_a_call_at_ones_own_address_may_name_only_so_many_other_accounts(hub: Hub, name: str) -> None:
    _, channel = tenant_with(hub, name, OWN_ACCOUNT)
    others = [f"other-{number}" for number in range(webhooks.MOST_ACCOUNTS + 1)]
    assert call(hub, name, [OWN_ACCOUNT, *others], channel=channel) == 400
    assert brought(hub) == []


@every_shared_address
def test_a_call_of_an_app_that_several_tenants_have_brings_each_what_is_its(hub: Hub, name: str) -> None:
    other = tenant_with(hub, name, OTHER_ACCOUNT)
    own = tenant_with(hub, name, OWN_ACCOUNT)
    assert call(hub, name, (OWN_ACCOUNT, OTHER_ACCOUNT)) == 200
    assert brought(hub) == [own, other]
    overlaps(hub.deps).bus.published.clear()
    assert call(hub, name, (OTHER_ACCOUNT, OWN_ACCOUNT), channel=own[1]) == 200
    assert sorted(brought(hub)) == sorted([own, other])


@every_shared_address
def test_an_account_that_nobody_has_keeps_nobody_elses_messages_away(hub: Hub, name: str) -> None:
    own = tenant_with(hub, name, OWN_ACCOUNT)
    assert call(hub, name, (UNOWNED_ACCOUNT, OWN_ACCOUNT)) == 200
    assert brought(hub) == [own]
    assert call(hub, name, (UNOWNED_ACCOUNT, OWN_ACCOUNT), secret=ROTATED) == 401
    assert brought(hub) == [own]


@every_shared_address
def test_who_names_only_accounts_that_nobody_has_must_know_the_deployments_own_secret(hub: Hub, name: str) -> None:
    settings = hub.deps.settings.model_copy(update={"facebook_app_secret": SecretStr(SECRET)})
    secured = seen_from(hub, replace(hub.deps, settings=settings))
    assert call(secured, name, (UNOWNED_ACCOUNT,), secret=ROTATED) == 401
    assert call(secured, name, (UNOWNED_ACCOUNT,)) == 200
    assert brought(hub) == []


@every_shared_address
def test_a_secret_that_was_changed_in_another_process_is_good_for_all_accounts_of_the_app(hub: Hub, name: str) -> None:
    """Each account gets its own second look."""
    channels = [channel_for(hub, name, account) for account in (OWN_ACCOUNT, OTHER_ACCOUNT)]
    assert call(hub, name, (OWN_ACCOUNT, OTHER_ACCOUNT)) == 200
    elsewhere = seen_from(hub, another_process(hub.deps))
    for channel in channels:
        elsewhere.patch(f"/api/channels/{channel}", {"config": {"appSecret": ROTATED}})
    assert call(hub, name, (OWN_ACCOUNT, OTHER_ACCOUNT), secret=ROTATED) == 200
    assert brought(hub) == [(hub.tenant_id, channel) for channel in channels * 2]


@every_shared_address
@pytest.mark.parametrize("other", SHARED)
def test_an_app_may_call_any_of_the_addresses_for_all_its_channels(hub: Hub, name: str, other: str) -> None:
    own = tenant_with(hub, name, OWN_ACCOUNT)
    assert call(hub, name, (OWN_ACCOUNT,), path=SHARED[other].path) == 200
    assert brought(hub) == [own]
    assert call(hub, name, (OWN_ACCOUNT,), secret=ROTATED, path=SHARED[other].path) == 401
    assert brought(hub) == [own]
