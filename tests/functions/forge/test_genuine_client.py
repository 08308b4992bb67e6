"""What Forge's own front end asks for and reads, build by build: settings page, card, dialog, and its idle routes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from functions.hub.main import blueprints as every_blueprint
from shared.deps import Deps
from shared.domain.accounts import Role
from tests.apps import create_app
from tests.eventually import eventually
from tests.functions.forge.conftest import KEY, Door
from tests.functions.keys import key_for
from tests.pipeline.hub import Hub
from tests.stubs import Reply

SHOP = {"name": "shop", "channel_type": "whatsapp", "status": "connected", "profile_name": "The Shop"}
TEAM = {"name": "team", "channel_type": "discord", "status": "connecting"}


def _call(door: Door, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer = door.client.open(path, method=method, json=body, headers=door.headers)
    return answer.status_code, answer.json


@pytest.fixture
def door(door: Door) -> Door:
    """A client whose settings name an Omni server with two channels."""
    door.omni.on("GET", "^/api/v1/instances$", Reply(json=[SHOP, TEAM]))
    door.write(door.config())
    return door


READS: dict[str, tuple[str, str, Callable[[Any], object], object]] = {
    "the settings page of october reads the bare settings": (
        "GET",
        "/api/forge/config",
        lambda body: body["omni_config"]["api_key"],
        KEY,
    ),
    "the card of november looks for success before it draws itself": (
        "GET",
        "/api/forge/config",
        lambda body: body["success"] and body["data"]["omni_config"]["api_key"],
        KEY,
    ),
    "the settings page of november lists instances out of data": (
        "GET",
        "/api/forge/omni/instances",
        lambda body: body["success"] and [item["instance_name"] for item in body["data"]["instances"]],
        ["shop"],
    ),
    "the september builds list instances out of data itself": (
        "GET",
        "/api/omni/instances",
        lambda body: body["success"] and body["data"],
        [
            {
                "instance_name": "shop",
                "channel_type": "whatsapp",
                "display_name": "The Shop",
                "status": "connected",
                "is_healthy": True,
            }
        ],
    ),
}


@pytest.mark.parametrize(("method", "path", "reads", "expected"), READS.values(), ids=READS)
def test_a_build_reads_what_it_looks_for(
    door: Door, method: str, path: str, reads: Callable[[Any], object], expected: object
) -> None:
    status, body = _call(door, method, path)
    assert status == 200
    assert reads(body) == expected


def test_saving_the_settings_page_sends_back_all_that_was_read(door: Door) -> None:
    _, page = _call(door, "GET", "/api/forge/config")
    status, saved = _call(door, "PUT", "/api/forge/config", page)
    assert (status, saved) == (200, page)
    assert saved["data"] == {"omni_enabled": saved["omni_enabled"], "omni_config": saved["omni_config"]}


def test_a_refusal_is_told_by_success_and_message(door: Door, deps: Deps) -> None:
    door.omni.on("GET", "^/api/v1/instances$", Reply(500))
    viewer = replace(door, headers=key_for(deps, "acme", Role.VIEWER))
    refusals = [
        _call(door, "GET", "/api/forge/omni/instances"),
        _call(viewer, "PUT", "/api/forge/config", {"omni_enabled": False, "omni_config": None}),
        _call(replace(door, headers={"Authorization": "Basic x"}), "GET", "/api/forge/config"),
    ]
    assert [status for status, _ in refusals] == [502, 403, 401]
    for _, body in refusals:
        assert body["success"] is False
        assert body["message"] == body["detail"] != ""


def _validate(door: Door, host: str | None, api_key: str | None) -> Any:
    status, body = _call(door, "POST", "/api/forge/omni/validate", {"host": host, "api_key": api_key})
    assert status == 200, body
    return body


def test_the_dialog_loads_the_channels_of_a_server_that_is_not_saved_yet(door: Door) -> None:
    assert _validate(door, door.omni.url, "a-new-key") == {
        "valid": True,
        "instances": [
            {
                "instance_name": "shop",
                "channel_type": "whatsapp",
                "display_name": "The Shop",
                "status": "connected",
                "is_healthy": True,
            },
            {
                "instance_name": "team",
                "channel_type": "discord",
                "display_name": "team",
                "status": "connecting",
                "is_healthy": False,
            },
        ],
        "error": None,
    }
    assert door.omni.requests[-1].headers["x-api-key"] == "a-new-key"
    assert door.read()["omni_config"]["api_key"] == KEY, "trying saves nothing"


def test_the_dialog_sends_the_mask_back_that_it_was_shown(door: Door, deps: Deps) -> None:
    own = replace(door, headers=key_for(deps, "acme"))
    own.write(own.config())
    mask = own.read()["omni_config"]["api_key"]
    assert mask != KEY
    assert _validate(own, door.omni.url + "/", mask)["valid"] is True
    assert door.omni.requests[-1].headers["x-api-key"] == KEY


def test_a_stored_key_is_not_tried_at_another_server(door: Door, deps: Deps) -> None:
    own = replace(door, headers=key_for(deps, "acme"))
    own.write(own.config())
    door.omni.requests.clear()
    refused = _validate(own, "http://127.0.0.1:9", own.read()["omni_config"]["api_key"])
    assert (refused["valid"], refused["instances"]) == (False, [])
    assert "give it again" in refused["error"]
    assert door.omni.requests == []


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(401), "refused the API key"),
        (Reply(500), "answered with status 500"),
        (Reply(drop=True), "cannot be called"),
        (Reply(json={"hello": "world"}), "none of its addresses"),
    ],
    ids=["a wrong key", "a broken server", "a dead server", "another server"],
)
def test_the_dialog_shows_why_a_server_cannot_be_used(door: Door, reply: Reply, reason: str) -> None:
    door.omni.on("GET", "/instances", reply)
    tried = _validate(door, door.omni.url, KEY)
    assert (tried["valid"], tried["instances"]) == (False, [])
    assert reason in tried["error"]


@pytest.mark.parametrize(
    ("host", "api_key", "reason"),
    [
        ("http://169.254.169.254", KEY, "never called"),
        ("nonsense", KEY, "must begin with http"),
        ("http://localhost:99999", "***", "address"),
        ("http://[", "***", "address"),
        (None, KEY, "give the address"),
        ("http://localhost:8882", "", "give the address"),
    ],
)
def test_the_dialog_shows_what_is_wrong_with_what_was_entered(
    door: Door, host: str | None, api_key: str, reason: str
) -> None:
    tried = _validate(door, host, api_key)
    assert tried["valid"] is False
    assert reason in tried["error"]


def test_the_september_dialog_gets_the_same_in_an_envelope(door: Door) -> None:
    body = {"host": door.omni.url, "api_key": KEY}
    _, answer = _call(door, "POST", "/api/omni/validate", body)
    assert answer["success"] is True
    assert answer["data"] == _validate(door, door.omni.url, KEY)


@pytest.mark.parametrize(
    ("recipient_type", "field"), [("PhoneNumber", "phone_number"), ("UserId", "user_id"), (None, "phone_number")]
)
def test_the_test_button_sends_to_the_configured_recipient(door: Door, recipient_type: str | None, field: str) -> None:
    door.omni.on("POST", "^/api/v1/instance/shop/send-text$", Reply(json={"success": True, "status": "sent"}))
    door.write(door.config(instance="shop", recipient="+4915112345678", recipient_type=recipient_type))
    status, answer = _call(door, "POST", "/api/omni/test")
    assert (status, answer["success"], type(answer["data"])) == (200, True, str)
    request = door.omni.requests[-1]
    assert request.json[field] == "+4915112345678"
    assert request.headers["x-api-key"] == KEY


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(json={"success": False, "status": "failed", "error": "not connected"}), "not connected"),
        (Reply(404), "404"),
    ],
)
def test_the_test_button_shows_why_nothing_was_sent(door: Door, reply: Reply, reason: str) -> None:
    door.omni.on("POST", "/send-text$", reply)
    door.write(door.config(instance="shop", recipient="+4915112345678"))
    status, answer = _call(door, "POST", "/api/omni/test")
    assert (status, answer["success"]) == (502, False)
    assert reason in answer["message"]


def test_the_test_button_names_what_is_not_configured(door: Door) -> None:
    status, answer = _call(door, "POST", "/api/omni/test")
    assert status == 400
    assert set(answer["fields"]) == {"omni_config.instance", "omni_config.recipient"}


def test_a_key_of_this_hub_that_may_not_read_lists_nothing(door: Door, deps: Deps) -> None:
    write_only = key_for(deps, "acme", scopes=["write"])["Authorization"].removeprefix("Bearer ")
    tried = _validate(door, f"http://localhost:{deps.settings.port}", write_only)
    assert (tried["valid"], tried["instances"]) == (False, [])
    assert "refused the API key" in tried["error"]


@pytest.mark.parametrize(("role", "status"), [(Role.AGENT, 200), (Role.VIEWER, 502)])
def test_the_test_button_of_a_forge_that_uses_this_hub_sends_by_its_own_channel(
    hub: Hub, role: Role, status: int
) -> None:
    channel = hub.telegram()
    key = hub.post("/api/keys", {"name": "forge", "role": role.value, "scopes": ["read", "write"]}, 201)["key"]
    client = create_app(hub.deps, every_blueprint()).test_client()
    own = Door(client, hub.provider, hub.headers)
    host = f"http://localhost:{hub.deps.settings.port}"
    own.write(own.config(host=host, api_key=key, instance=channel, recipient="4711"))
    code, answer = _call(own, "POST", "/api/omni/test")
    assert code == status, answer
    if status == 200:
        assert eventually(hub.sent_texts) == ["Test notification from Automagik Forge"]
