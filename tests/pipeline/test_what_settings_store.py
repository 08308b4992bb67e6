"""What the people of a business set up: all that each step stores, and each event on the bus."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.deps import Deps
from tests.evolution import Evolution, recorded
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.stories import StoppedClock, Story

PASSWORD = "correct horse"


@pytest.fixture
def deps(deps: Deps) -> Deps:
    return replace(deps, now=StoppedClock())


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


@pytest.fixture
def story(hub: ManualHub) -> Story:
    story = Story(hub)
    story.begins(tenant=hub.tenant_id, worker=hub.deps.owner, provider=hub.provider.url)
    return story


def _delete(hub: ManualHub, path: str) -> None:
    assert hub.client.delete(path, headers=hub.headers).status_code in (200, 204), path


def test_users_and_keys(hub: ManualHub, story: Story) -> None:
    link = hub.post("/api/users", {"email": " Bob@Example.com ", "name": " Bob ", "role": "agent"}, 201)["link"]
    story.step("somebody is invited")
    acceptance = {"token": link.rpartition("token=")[2], "password": PASSWORD}
    joined: Any = hub.client.post("/api/auth/link", json=acceptance).json
    user = joined["user"]["id"]
    story.step("and accepts")
    login = {"email": "bob@example.com", "password": PASSWORD}
    assert hub.client.post("/api/auth/login", json=login | {"password": "wrong horse"}).status_code == 401
    story.step("a wrong password")
    session: Any = hub.client.post("/api/auth/login", json=login).json
    story.step("the user logs in")
    assert hub.client.post("/api/auth/refresh", json={"refreshToken": session["refreshToken"]}).status_code == 200
    story.step("and stays")
    hub.patch(f"/api/users/{user}", {"role": "admin"})
    story.step("the user becomes an admin")
    _delete(hub, f"/api/users/{user}")
    story.step("and goes")
    key = hub.post("/api/keys", {"name": "shop", "scopes": ["read"]}, 201)
    story.step("a key is made")
    _delete(hub, f"/api/keys/{key['id']}")
    story.step("and revoked")
    story.is_as_recorded("users")


def test_agents_and_teams(hub: ManualHub, story: Story) -> None:
    first = hub.post("/api/agents", {"name": "Ada", "prompt": "You are kind."}, 201)["id"]
    story.step("the first agent")
    second = hub.post("/api/agents", {"name": "Bob"}, 201)["id"]
    team = hub.post("/api/teams", {"name": "Sales", "leadAgentId": first}, 201)["id"]
    hub.post(f"/api/teams/{team}/members", {"agentId": second, "expertise": "prices"}, 201)
    story.step("a second one and a team")
    hub.patch(f"/api/agents/{first}", {"active": False})
    story.step("the first one rests")
    hub.patch(f"/api/teams/{team}", {"name": "Sales and more"})
    story.step("the team gets another name")
    _delete(hub, f"/api/teams/{team}/members/{second}")
    _delete(hub, f"/api/teams/{team}")
    story.step("and ends")
    _delete(hub, f"/api/agents/{second}")
    story.step("the second agent goes")
    story.is_as_recorded("agents")


def test_customers_campaigns_and_rules(hub: ManualHub, story: Story) -> None:
    bot = hub.telegram()
    hub.writes(bot, "hello", chat=5)
    hub.writes(bot, "hello", chat=6)
    five, six = (each.customer_id for each in sorted(hub.conversations(), key=lambda each: each.external_user_id))
    story.begins(bot=bot, five=five, six=six)
    profile = {"name": " Ann ", "email": "ann@shop.example", "tags": ["vip", "new"], "preferences": {"language": "de"}}
    hub.put(f"/customers/{five}/profile", profile)
    story.step("a profile is written")
    hub.put(f"/customers/{six}/profile", {"phone": "+5511988887777", "tags": ["old"]})
    merge = hub.post(f"/customers/{five}/merge", {"source_id": six})["merge_id"]
    story.step("two customers are merged")
    hub.post(f"/customers/{five}/unmerge", {"merge_id": merge})
    story.step("and parted again")
    audience = {"tags": ["vip", "new"]}
    campaign = {"name": "Sale", "channels": ["telegram_bot"], "message": "Sale!", "audience": audience}
    campaign_id = hub.post("/campaigns", campaign, 201)["campaign_id"]
    story.step("a campaign is made")
    hub.post(f"/campaigns/{campaign_id}/launch", {}, 202)
    story.step("and launched")
    hub.tick()
    hub.tick()
    story.step("and sent")
    hub.post(f"/campaigns/{campaign_id}/conversions", {"customer_id": five})
    story.step("a customer does what it was for")
    rule = hub.post("/routing/rules", {"condition": "channel = sms", "action": "set_priority:low"}, 201)["id"]
    story.step("a rule is made")
    hub.put(f"/routing/rules/{rule}", {"action": "add_tag:sms"})
    story.step("changed")
    _delete(hub, f"/routing/rules/{rule}")
    story.step("and removed")
    story.is_as_recorded("customers")


def test_an_account_of_whatsapp(hub: ManualHub, story: Story) -> None:
    evolution = Evolution(hub.provider)
    body = {
        "name": "acme-support",
        "channel_type": "whatsapp",
        "evolution_url": hub.provider.url,
        "evolution_key": "evolution-key-1",
        "agent_api_url": hub.provider.url,
        "agent_api_key": "agent-key-1",
        "default_agent": "support",
    }
    instance = hub.post("/api/v1/instances", body, 201)
    story.step("it is made")
    hub.get("/api/v1/instances/acme-support/qr")
    story.step("a code is asked for")
    evolution.scan(hub.client)
    hub.work()
    story.step("and scanned")
    evolution.state, evolution.reason = "close", 401
    evolution.send(hub.client, recorded("connection.update-close-401"))
    hub.work()
    story.step("the account logs out")
    hub.put("/api/v1/instances/acme-support", {"default_agent": "sales"})
    story.step("it is changed")
    hub.post("/api/v1/instances", body | {"name": "acme-sales"}, 201)
    hub.post("/api/v1/instances/acme-sales/set-default", {})
    story.step("another one becomes the default one")
    _delete(hub, "/api/v1/instances/acme-support")
    story.step("it is removed")
    assert instance["name"] == "acme-support"
    story.is_as_recorded("accounts")
