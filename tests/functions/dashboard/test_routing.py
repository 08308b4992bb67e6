"""Routing rules in the Dashboard dialect."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.dashboard.main import blueprints
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.routing import MAX_RULES
from shared.usecases.agents import teams
from tests.apps import create_app
from tests.functions.keys import key_for

VIP = {"condition": "channel=whatsapp AND priority=high", "action": "assign_to_agent_group:vip"}


@pytest.fixture(autouse=True)
def team(deps: Deps) -> None:
    """The team that the rule names."""
    teams.create_team(deps, deps.settings.default_tenant_id, {"name": "vip"})


def _add(client: FlaskClient, **fields: Any) -> str:
    answer: Any = client.post("/routing/rules", json=VIP | fields)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def _ids(client: FlaskClient) -> list[str]:
    answer: Any = client.get("/routing/rules").json
    return [rule["id"] for rule in answer["rules"]]


def test_without_rules_there_is_an_empty_list(client: FlaskClient) -> None:
    assert client.get("/routing/rules").json == {"rules": []}


def test_a_rule_is_listed_as_printed(client: FlaskClient) -> None:
    golden = json.loads(Path("tests/golden/dashboard/routing_rules_response.json").read_text("utf-8"))
    answer: Any = client.post("/routing/rules", json=VIP)
    assert answer.status_code == 201
    assert answer.json == VIP | {"success": True, "id": answer.json["id"], "active": True}
    golden["rules"][0]["id"] = answer.json["id"]
    listed: Any = client.get("/routing/rules").json
    assert listed == golden
    assert list(listed["rules"][0]) == list(golden["rules"][0])


def test_all_fields_are_shown_when_asked_for(client: FlaskClient) -> None:
    _add(client)
    _add(client, active=False)
    answer: Any = client.get("/routing/rules?include=all").json
    assert [(rule["order"], rule["active"]) for rule in answer["rules"]] == [(0, True), (1, False)]
    assert set(answer["rules"][0]) == {"id", "condition", "action", "order", "active", "created_at", "updated_at"}
    assert answer["rules"][0]["created_at"].endswith("Z")
    assert client.get("/routing/rules?include=some").status_code == 400


def test_rules_keep_their_order_and_can_be_moved(client: FlaskClient) -> None:
    first, second = _add(client), _add(client)
    between = _add(client, position=1)
    assert _ids(client) == [first, between, second]
    assert client.put(f"/routing/rules/{second}", json={"position": 0}).status_code == 200
    assert _ids(client) == [second, first, between]


def test_a_rule_is_changed_in_part_and_removed(client: FlaskClient) -> None:
    rule_id = _add(client)
    answer: Any = client.put(f"/routing/rules/{rule_id}", json={"action": "add_tag:vip", "active": False})
    assert answer.json == {
        "success": True,
        "id": rule_id,
        "condition": VIP["condition"],
        "action": "add_tag:vip",
        "active": False,
    }
    assert client.delete(f"/routing/rules/{rule_id}").status_code == 204
    assert client.delete(f"/routing/rules/{rule_id}").status_code == 404
    assert client.put(f"/routing/rules/{rule_id}", json={}).status_code == 404
    assert _ids(client) == []


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"condition": "channel=whatsapp AND"}, "condition: expected one of .* at character 21"),
        ({"condition": "priority=top"}, "condition: priority is one of .*, not 'top' at character 10"),
        ({"action": "add_tag:a; dance"}, "action: expected one of .* at character 12"),
        ({"action": "set_priority:9"}, "action: priority is one of .* at character 14"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_at_its_character(
    client: FlaskClient, fields: dict[str, str], detail: str
) -> None:
    rule_id = _add(client)
    for answer in (
        client.post("/routing/rules", json=VIP | fields),
        client.put(f"/routing/rules/{rule_id}", json=fields),
    ):
        body: Any = answer.json
        assert answer.status_code == 400
        with pytest.raises(ValueError, match=detail):
            raise ValueError(body["detail"])
        assert list(body["fields"]) == list(fields)
    assert len(_ids(client)) == 1


@pytest.mark.parametrize("word", ["telegram_bot", "telegram-bot", "TELEGRAM-BOT", '"Telegram_Bot"'])
def test_a_channel_is_named_in_a_condition_as_everywhere_else(client: FlaskClient, word: str) -> None:
    rule = _add(client, condition=f"channel={word}")
    _add(client, condition=f"channel in (sms, {word})")
    answer: Any = client.post("/routing/rules/dry-run", json={"channel": word.strip('"')})
    assert len(answer.json["rules"]) == 2
    assert answer.json["rules"][0] == {"id": rule, **VIP, "condition": f"channel={word}"}


def test_rules_are_bounded(client: FlaskClient) -> None:
    for _ in range(MAX_RULES):
        _add(client)
    assert client.post("/routing/rules", json=VIP).status_code == 400


def test_rules_made_at_once_are_all_kept(deps: Deps) -> None:
    app = create_app(deps, blueprints())
    with ThreadPoolExecutor(4) as pool:
        rule_ids = list(pool.map(lambda _: _add(app.test_client()), range(12)))
    assert sorted(_ids(app.test_client())) == sorted(rule_ids)


def test_another_tenant_has_its_own_rules(client: FlaskClient, deps: Deps) -> None:
    rule_id = _add(client)
    stranger = key_for(deps, "other")
    assert client.get("/routing/rules", headers=stranger).json == {"rules": []}
    assert client.put(f"/routing/rules/{rule_id}", json={}, headers=stranger).status_code == 404
    assert client.delete(f"/routing/rules/{rule_id}", headers=stranger).status_code == 404
    assert _ids(client) == [rule_id]


def test_only_admins_change_rules(client: FlaskClient, deps: Deps) -> None:
    agent = key_for(deps, deps.settings.default_tenant_id, Role.AGENT)
    assert client.post("/routing/rules", json=VIP, headers=agent).status_code == 403
    assert client.get("/routing/rules", headers=agent).status_code == 200
    viewer = key_for(deps, deps.settings.default_tenant_id, Role.VIEWER)
    assert client.post("/routing/rules/dry-run", json={"channel": "sms"}, headers=viewer).status_code == 200


@pytest.mark.usefixtures("external_agents")
def test_a_dry_run_tells_what_would_be_done(client: FlaskClient) -> None:
    _add(client)
    _add(client, condition='text contains refund AND tag="vip"', action="set_priority:urgent; add_tag:refund")
    _add(client, condition="hour in (3)", action="assign_to_agent:night")
    case = {"channel": "WhatsApp", "priority": "high", "text": "My REFUND", "tags": ["VIP"], "hour": 4}
    answer: Any = client.post("/routing/rules/dry-run", json=case)
    assert answer.status_code == 200
    assert [rule["action"] for rule in answer.json["rules"]] == [
        "assign_to_agent_group:vip",
        "set_priority:urgent; add_tag:refund",
    ]
    assert answer.json["effects"] == {
        "agent_id": None,
        "agent_group": "vip",
        "priority": "urgent",
        "tags": ["refund"],
    }
    nothing: Any = client.post("/routing/rules/dry-run", json={"channel": "sms", "hour": 0}).json
    assert nothing == {
        "rules": [],
        "effects": {"agent_id": None, "agent_group": None, "priority": None, "tags": []},
    }
    for wrong in ({}, {"channel": "pigeon"}, {"channel": "sms", "hour": 24}, {"channel": "sms", "priority": "top"}):
        assert client.post("/routing/rules/dry-run", json=wrong).status_code == 400
