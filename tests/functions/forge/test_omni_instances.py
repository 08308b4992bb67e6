"""Listing the Omni server's instances, whatever that server does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from functions.forge.main import blueprints
from functions.hub.main import blueprints as every_blueprint
from shared.deps import Deps
from tests.apps import create_app
from tests.functions.forge.conftest import KEY, Door
from tests.functions.keys import key_for
from tests.stubs import Reply

V1 = {
    "id": 1,
    "name": "my_instance",
    "channel_type": "whatsapp",
    "evolution_key": "secret-of-evolution",
    "agent_api_key": "secret-of-agent",
    "accessToken": "secret-token",
    "hash": "secret-hash",
    "phone_number": "+5511988887777",
    "evolution_status": {"state": "open", "apikey": "secret-inner"},
    "is_active": True,
}


@pytest.fixture
def door(door: Door) -> Door:
    """A configured one; it is not enabled, and need not be."""
    door.write(door.config())
    return door


def test_instances_are_listed_with_both_credentials(door: Door) -> None:
    door.omni.on("GET", "^/api/v1/instances$", Reply(json=[V1]))
    listed = door.instances()
    item = listed["instances"][0]
    assert list(item)[:3] == ["id", "name", "status"]
    assert {name: item[name] for name in ("id", "name", "status")} == door.golden("instances")["instances"][0]
    (request,) = door.omni.requests
    assert (request.headers["authorization"], request.headers["x-api-key"]) == (f"Bearer {KEY}", KEY)


def test_unknown_fields_are_passed_on_without_secrets(door: Door) -> None:
    door.omni.on("GET", "/api/v1/instances", Reply(json=[V1]))
    item = door.instances()["instances"][0]
    assert item["phone_number"] == "+5511988887777"
    assert item["evolution_status"] == {"state": "open"}
    assert "secret" not in str(item)


@pytest.mark.parametrize("path", ["/api/v1/instances", "/api/v2/instances", "/instances"])
@pytest.mark.parametrize("envelope", [None, "instances", "items", "data"])
def test_every_known_address_and_form_is_understood(door: Door, path: str, envelope: str | None) -> None:
    listed = [{"id": "a-1", "name": "shop", "status": "connected"}]
    door.omni.on("GET", f"^{path}$", Reply(json={envelope: listed, "total": 1} if envelope else listed))
    (item,) = door.instances()["instances"]
    assert {name: item[name] for name in listed[0]} == listed[0]


def test_a_page_for_people_is_passed_over(door: Door) -> None:
    door.omni.on("GET", "/api/v1/instances", Reply(text="<html>", headers={"content-type": "text/html"}))
    door.omni.on("GET", "/api/v2/instances", Reply(json={"items": [{"id": 7, "name": "shop", "isActive": True}]}))
    item = door.instances()["instances"][0]
    assert (item["id"], item["status"]) == ("7", "connected")


def test_only_whatsapp_instances_are_listed(door: Door) -> None:
    channels = ["whatsapp", "WHATSAPP", "whatsapp-baileys", "whatsapp_cloud", "discord", "slack", "telegram"]
    listed: list[Any] = [{"id": n, "name": c, "channel_type": c} for n, c in enumerate(channels)]
    listed += [{"id": 90, "name": "unnamed channel"}, {"id": 91, "name": "camel", "channel": "discord"}, 7, None, {}]
    listed += [{"id": 92, "name": "by type", "type": kind} for kind in ("discord", "Telegram-Bot", "WHATSAPP")]
    listed += [{"id": 93, "name": "of another kind", "type": "BAILEYS"}, {"id": 94, "name": "no word", "type": 7}]
    door.omni.on("GET", "/api/v1/instances", Reply(json=listed))
    named = [item["name"] for item in door.instances()["instances"]]
    assert named == [*channels[:4], "unnamed channel", "by type", "of another kind", "no word"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": "connecting"}, "connecting"),
        ({"connectionStatus": "open"}, "connected"),
        ({"connectionStatus": "close"}, "disconnected"),
        ({"connection_status": "CLOSED"}, "disconnected"),
        ({"connectionState": "Open"}, "connected"),
        ({"status": "", "state": "close"}, "disconnected"),
        ({"status": "connecting", "state": "close"}, "connecting"),
        ({"evolutionStatus": {"state": "open"}}, "connected"),
        ({"evolution_status": {"state": "connecting"}}, "connecting"),
        ({"evolution_status": {"error": "x"}, "is_active": True}, "unknown"),
        ({"is_active": False}, "disconnected"),
        ({"connected": True}, "connected"),
        ({"is_connected": True, "is_active": False}, "connected"),
        ({"isConnected": False}, "disconnected"),
        ({"isActive": True}, "connected"),
        ({"is_connected": "yes", "isActive": False}, "disconnected"),
        ({"status": 7}, "unknown"),
        ({}, "unknown"),
    ],
    ids=str,
)
def test_a_status_is_made_of_what_is_told(door: Door, fields: dict[str, Any], status: str) -> None:
    door.omni.on("GET", "/api/v1/instances", Reply(json=[{"id": 1, "name": "shop"} | fields]))
    assert door.instances()["instances"][0]["status"] == status


def test_a_list_without_states_is_completed_from_each_instances_own_address(door: Door) -> None:
    listed = [{"id": n, "name": f"shop {n}", "channel_type": "whatsapp"} for n in range(4)]
    door.omni.on("GET", "^/api/v1/instances$", Reply(json=[*listed, {"id": 9, "name": "d", "channel_type": "discord"}]))
    status_response = {
        "instance_name": "shop 0",
        "channel_type": "whatsapp",
        "status": "connected",
        "channel_data": None,
    }
    door.omni.on("GET", "^/api/v1/instances/shop%200/status$", Reply(json=status_response))
    door.omni.on("GET", "^/api/v1/instances/shop%201/status$", Reply(500, {"detail": "boom"}))
    door.omni.on("GET", "^/api/v1/instances/shop%202/status$", Reply(drop=True))
    assert [item["status"] for item in door.instances()["instances"]] == ["connected", "unknown", "unknown", "unknown"]
    assert len(door.omni.requests) == 5
    assert {request.headers["authorization"] for request in door.omni.requests} == {f"Bearer {KEY}"}


def test_only_so_many_are_asked_for_and_none_where_one_told_its_state(door: Door) -> None:
    listed: list[dict[str, Any]] = [{"id": n, "name": f"shop{n}"} for n in range(25)]
    door.omni.on("GET", "^/api/v1/instances$", Reply(json=listed))
    door.omni.on("GET", "/status$", Reply(json={"status": "connected"}))
    statuses = [item["status"] for item in door.instances()["instances"]]
    assert statuses == ["connected"] * 20 + ["unknown"] * 5
    door.omni.on("GET", "^/api/v1/instances$", Reply(json=[*listed, {"id": 26, "name": "told", "status": "error"}]))
    statuses = [item["status"] for item in door.instances()["instances"]]
    assert statuses == ["unknown"] * 25 + ["error"]


@pytest.mark.parametrize("missing", ["host", "api_key"])
def test_without_host_or_key_nobody_is_called(door: Door, missing: str) -> None:
    door.write(door.config(**{missing: None}))
    refused = door.instances(400)
    assert set(refused["fields"]) == {f"omni_config.{missing}"}
    assert f"omni_config.{missing}" in refused["detail"]
    assert door.omni.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        Reply(500, text="boom"),
        Reply(429, json={}),
        Reply(404),
        Reply(200, text="<html>hello</html>", headers={"content-type": "text/html"}),
        Reply(200, json={"instances": "none"}),
        Reply(200, json="text"),
        Reply(200, text="[" * 100_000),
        Reply(200, text="x" * (1024 * 1024 + 1)),
        Reply(302, headers={"location": "http://169.254.169.254/"}),
        Reply(drop=True),
    ],
    ids=["500", "429", "404", "HTML", "wrong list", "text", "nested", "oversize", "redirect", "dropped"],
)
def test_a_server_that_fails_is_a_502_with_a_reason(door: Door, answer: Reply) -> None:
    door.omni.on("GET", "/instances", answer)
    refused = door.instances(502)
    assert refused["detail"].startswith("the Omni server: ")
    assert "Traceback" not in refused["detail"]


def test_an_unreachable_server_is_a_502(door: Door) -> None:
    door.write(door.config(host="http://127.0.0.1:1"))
    assert "127.0.0.1:1 cannot be called: no connection" in door.instances(502)["detail"]


def test_odd_values_come_through_as_json(door: Door) -> None:
    odd = '[{"id": 1, "name": "\\ud800", "extra": NaN, "deep": %s, "big": 1e999, "\\udfff": [1]}]'
    door.omni.on("GET", "/api/v1/instances", Reply(text=odd % ("[" * 50 + "]" * 50)))
    item = door.instances()["instances"][0]
    assert (item["name"], item["extra"], item["big"]) == ("?", None, None)


def test_a_private_server_is_refused_in_production(door: Door, deps: Deps) -> None:
    production = {"environment": "production", "jwt_secret": SecretStr("x" * 32), "anonymous_tenant": "default"}
    changed = replace(deps, settings=deps.settings.model_copy(update=production))
    guarded = type(deps.http)(changed.settings)
    closed = replace(door, client=create_app(replace(changed, http=guarded), blueprints()).test_client())
    assert closed.instances(400)["code"] == "address_refused"
    assert door.omni.requests == []
    guarded.close()


@pytest.mark.parametrize("public", [True, False], ids=["by its public address", "by its own port"])
def test_the_hub_itself_is_asked_without_a_call(door: Door, deps: Deps, public: bool) -> None:
    settings = deps.settings.model_copy(update={"public_url": "https://hub.example" if public else None})
    client = create_app(replace(deps, settings=settings), every_blueprint()).test_client()
    credential = key_for(deps, "acme")
    for name, channel in (("shop", "whatsapp"), ("team", "discord")):
        body = {
            "name": name,
            "channel_type": channel,
            "agent_api_url": "http://127.0.0.1:9",
            "agent_api_key": "agent-key-1",
            "default_agent": "support",
        }
        assert client.post("/api/v1/instances", json=body, headers=credential).status_code == 201
    own = replace(door, client=client)
    host = "https://hub.example/" if public else f"http://localhost:{settings.port}"
    own.write(door.config(host=host, api_key=credential["Authorization"].removeprefix("Bearer ")))
    before = len(door.omni.requests)
    (item,) = own.instances()["instances"]
    assert (item["id"], item["name"], item["channel_type"]) == ("1", "shop", "whatsapp")
    own.write(door.config(host=host, api_key="nobody-has-this-key"))
    assert "refused the API key" in own.instances(502)["detail"]
    assert len(door.omni.requests) == before


def test_the_modal_can_be_walked_through(door: Door) -> None:
    door.omni.on("GET", "/api/v1/instances", Reply(json=[V1]))
    chosen = door.instances()["instances"][0]["name"]
    body = door.read()
    body["omni_enabled"] = True
    body["omni_config"] |= {"enabled": True, "instance": chosen, "recipient": "+55", "recipient_type": "PhoneNumber"}
    assert door.write(body)["omni_config"]["instance"] == "my_instance"
