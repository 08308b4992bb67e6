"""An instance's connection through Omni-Hub's door, with an Evolution server behind it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.normalize.main import consume as normalize
from functions.omnihub.main import blueprints
from functions.webhooks.blueprint import api as webhooks
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.events import Topic
from shared.domain.instances import InstanceStatus
from shared.usecases.instances.instance_lookup import get_default
from shared.usecases.sweep import sweep
from tests.apps import create_app
from tests.eventually import eventually
from tests.evolution import Evolution, recorded
from tests.functions.keys import key_for
from tests.functions.omnihub.door import PATH, create
from tests.stubs import Reply, Stub

GOLDEN = Path(__file__).parents[2] / "golden" / "omnihub"
PNG = b"\x89PNG\r\n\x1a\n"


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


@pytest.fixture
def server(provider: Stub) -> Evolution:
    return Evolution(provider)


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return create_app(deps, [*blueprints(), webhooks]).test_client()


@pytest.fixture
def path(client: FlaskClient, new: dict[str, Any], server: Evolution) -> str:
    """The path of an instance that waits for its code to be scanned."""
    new["whatsapp_instance"] = "acme-support"
    create(client, new, "my_instance")
    return f"{PATH}/my_instance"


def picture(body: Any) -> bytes:
    prefix, _, data = body["qr_code"].partition(",")
    assert prefix == "data:image/png;base64"
    return base64.b64decode(data, validate=True)


def _documented(answer: Any) -> Any:
    """What the document prints of an answer to `/qr`, without what later tools read."""
    return {name: value for name, value in answer.items() if name not in ("connection_type", "qr_url")}


def assert_failed(answer: Any, status: int, expected: str) -> None:
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json["detail"], str)
    assert expected in answer.json["detail"]


def test_the_documents_flow_by_curl(client: FlaskClient, server: Evolution) -> None:
    body = {
        "name": "business_whatsapp",
        "channel_type": "whatsapp",
        "evolution_url": server.stub.url,
        "evolution_key": "your_evolution_key",
        "phone_number": "+1234567890",
        "agent_api_url": "http://localhost:3000",
        "agent_api_key": "your_agent_key",
        "default_agent": "support_agent",
    }
    assert client.post(PATH, json=body).status_code == 201
    assert server.hook["url"] == "http://localhost/webhook/evolution/business_whatsapp"
    code: Any = client.get(f"{PATH}/business_whatsapp/qr").json
    assert picture(code).startswith(PNG)
    server.scan(client)
    status: Any = client.get(f"{PATH}/business_whatsapp/status").json
    assert status["status"] == "connected"


def test_the_code_is_shown_as_printed(client: FlaskClient, path: str) -> None:
    answer: Any = client.get(f"{path}/qr").json
    printed = golden("qr_response")
    assert list(answer)[: len(printed)] == list(printed)
    assert {**_documented(answer), "qr_code": ""} == {**printed, "qr_code": ""}
    assert (answer["connection_type"], answer["qr_url"]) == ("qr", None)
    assert picture(answer).startswith(PNG)


def test_a_code_that_is_still_good_is_shown_again(client: FlaskClient, path: str, server: Evolution) -> None:
    first: Any = client.get(f"{path}/qr").json
    calls = server.calls()
    assert client.get(f"{path}/qr").json == first
    assert server.calls() == calls


def test_a_code_that_came_as_text_is_drawn(client: FlaskClient, new: dict[str, Any], server: Evolution) -> None:
    server.unready = 1
    server.stub.on("GET", "/instance/connect/", Reply(json={"code": "2@text-only", "pairingCode": None, "count": 1}))
    create(client, new, "shop")
    answer: Any = client.get(f"{PATH}/shop/qr").json
    assert picture(answer).startswith(PNG)
    assert answer["status"] == "waiting_for_scan"


def test_a_code_that_only_the_webhook_brought_is_shown(
    client: FlaskClient, deps: Deps, new: dict[str, Any], server: Evolution
) -> None:
    server.unready = 100
    create(client, new, "shop")
    not_ready: Any = client.get(f"{PATH}/shop/qr").json
    assert (not_ready["qr_code"], not_ready["status"]) == (None, "connecting")
    assert "not ready" in not_ready["message"]
    stop = deps.bus.consume({Topic.INBOUND: lambda event: normalize(deps, event)})  # type: ignore[arg-type]
    try:
        server.send(client, recorded("qrcode.updated"))
        answer = eventually(lambda: _if_shown(client.get(f"{PATH}/shop/qr").json))
    finally:
        stop()
    assert picture(answer).startswith(PNG)


def _if_shown(answer: Any) -> Any:
    return answer if answer["qr_code"] else None


def test_what_is_connected_has_no_code(client: FlaskClient, new: dict[str, Any], server: Evolution) -> None:
    server.state = "open"
    create(client, new, "my_instance")
    answer: Any = client.get(f"{PATH}/my_instance/qr").json
    assert _documented(answer) == golden("qr_response") | {
        "qr_code": None,
        "status": "connected",
        "message": "Already connected",
    }


def test_the_status_is_shown_as_printed(client: FlaskClient, path: str, server: Evolution) -> None:
    server.scan(client, tell=False)
    (listed,) = recorded("rest-fetchInstances")
    account = {"ownerJid": "1234567890@s.whatsapp.net", "profileName": "My WhatsApp Business"}
    server.stub.on("GET", "/instance/fetchInstances", Reply(json=[listed | account]))
    answer: Any = client.get(f"{path}/status").json
    assert answer == golden("status_response")
    assert list(answer) == list(golden("status_response"))


@pytest.mark.parametrize(
    ("state", "expected"),
    [("open", "connected"), ("connecting", "connecting"), ("close", "disconnected"), (None, "disconnected")],
)
def test_the_status_is_the_providers(
    client: FlaskClient, path: str, server: Evolution, state: str | None, expected: str
) -> None:
    server.state = state
    assert client.get(f"{path}/status").json["status"] == expected  # type: ignore[index]


def test_a_refused_key_is_a_state(client: FlaskClient, path: str, server: Evolution) -> None:
    server.stub.on("GET", "/instance/connectionState/", Reply(401, {"response": {"message": "Unauthorized"}}))
    answer: Any = client.get(f"{path}/status").json
    assert answer["status"] == "error"
    assert "evolution_key was refused" in answer["channel_data"]["detail"]


def test_restart_logout_and_removal_answer_as_printed(client: FlaskClient, path: str, server: Evolution) -> None:
    server.scan(client, tell=False)
    assert client.post(f"{path}/restart").json == golden("restart_response")
    assert client.get(f"{path}/status").json["status"] == "connected"  # type: ignore[index]
    assert client.post(f"{path}/logout").json == golden("logout_response")
    assert client.get(f"{path}/status").json["status"] == "disconnected"  # type: ignore[index]
    assert client.delete(f"{path}/channel").json == golden("remove_channel_response")
    assert server.state is None
    assert client.get(path).json["name"] == "my_instance"  # type: ignore[index]
    assert client.get(f"{path}/status").json["status"] == "disconnected"  # type: ignore[index]


def test_a_logged_out_account_can_be_paired_again(client: FlaskClient, path: str, server: Evolution) -> None:
    server.scan(client, tell=False)
    client.post(f"{path}/logout")
    answer: Any = client.get(f"{path}/qr").json
    assert answer["status"] == "waiting_for_scan"
    assert server.created_count == 2


@pytest.mark.parametrize(
    ("changes", "url", "status"),
    [
        ({}, "http://localhost/webhook/evolution/shop", 200),
        ({"webhook_strict": True}, "http://localhost/webhook/evolution/shop", 401),
        ({"public_url": "https://hub.example"}, "https://hub.example/webhook/evolution/shop", 401),
    ],
)
def test_only_a_laptop_without_an_address_of_its_own_takes_unsigned_webhooks(
    deps: Deps, new: dict[str, Any], server: Evolution, changes: dict[str, Any], url: str, status: int
) -> None:
    changed = replace(deps, settings=deps.settings.model_copy(update=changes))
    client = create_app(changed, [*blueprints(), webhooks]).test_client()
    create(client, new, "shop")
    assert server.hook["url"] == url
    body = recorded("connection.update-open") | {"apikey": None}
    assert client.post("/webhook/evolution/shop", json=body).status_code == status
    assert client.post("/webhook/evolution/shop", json=body, headers=server.hook["headers"]).status_code == 200


def test_a_removed_account_can_be_paired_again(client: FlaskClient, path: str, server: Evolution) -> None:
    client.delete(f"{path}/channel")
    assert client.get(f"{path}/qr").json["status"] == "waiting_for_scan"  # type: ignore[index]


OPERATIONS = [("GET", "qr"), ("GET", "status"), ("POST", "restart"), ("POST", "logout"), ("DELETE", "channel")]


def _break_down(client: FlaskClient, new: dict[str, Any], server: Evolution) -> None:
    server.state = "close"
    create(client, new, "shop")
    for verb in ("GET", "POST", "DELETE"):
        server.stub.on(verb, "/instance/", Reply(503, {"response": {"message": "down for repair"}}))


@pytest.mark.parametrize(("method", "operation"), OPERATIONS[2:])
def test_a_providers_failure_is_a_500_that_says_what_failed(
    client: FlaskClient, new: dict[str, Any], server: Evolution, method: str, operation: str
) -> None:
    _break_down(client, new, server)
    assert_failed(client.open(f"{PATH}/shop/{operation}", method=method), 500, "down for repair")


def test_a_provider_that_cannot_be_asked_is_a_state_to_those_who_look(
    client: FlaskClient, new: dict[str, Any], server: Evolution
) -> None:
    _break_down(client, new, server)
    status, code = client.get(f"{PATH}/shop/status"), client.get(f"{PATH}/shop/qr")
    assert (status.status_code, code.status_code) == (200, 200)
    looked: Any = status.json
    assert (looked["status"], list(looked["channel_data"])) == ("error", ["error"])
    assert "down for repair" in looked["channel_data"]["error"]
    scanned: Any = code.json
    assert (scanned["status"], scanned["qr_code"], scanned["connection_type"]) == ("error", None, "qr")
    assert "down for repair" in scanned["message"]


@pytest.mark.parametrize(("method", "operation"), OPERATIONS)
def test_unknown_and_foreign_instances_are_not_found(
    client: FlaskClient, deps: Deps, path: str, method: str, operation: str
) -> None:
    assert client.open(f"{PATH}/nothing/{operation}", method=method).status_code == 404
    assert client.open(f"{path}/{operation}", method=method, headers=key_for(deps, "other")).status_code == 404


@pytest.mark.parametrize(("method", "operation"), OPERATIONS)
def test_an_agent_may_only_look_at_the_status(
    client: FlaskClient, deps: Deps, path: str, method: str, operation: str
) -> None:
    answer = client.open(f"{path}/{operation}", method=method, headers=key_for(deps, "default", Role.AGENT))
    assert answer.status_code == (200 if operation == "status" else 403)


@pytest.mark.parametrize(
    ("channel_type", "setting", "key", "begins"),
    [
        ("slack", "slack_client_id", "auth_url", "http://localhost/oauth/slack/start?link="),
        ("discord", "discord_client_id", "invite_url", "https://discord.com/oauth2/authorize?client_id=12.34&scope="),
    ],
)
def test_slack_and_discord_give_a_link_when_the_app_is_known(
    deps: Deps, client: FlaskClient, new: dict[str, Any], channel_type: str, setting: str, key: str, begins: str
) -> None:
    create(client, new, "team", channel_type=channel_type)
    without: Any = client.get(f"{PATH}/team/qr").json
    assert list(_documented(without)) == list(golden("qr_response"))
    assert without["connection_type"] == "none"
    assert (without["qr_code"], without["auth_url"], without["invite_url"]) == (None, None, None)
    assert setting.upper() in without["message"]
    assert without["status"] == "disconnected"
    settings = deps.settings.model_copy(update={setting: "12.34"})
    configured = create_app(replace(deps, settings=settings), blueprints()).test_client()
    answer: Any = configured.get(f"{PATH}/team/qr").json
    assert answer[key].startswith(begins)
    assert answer["connection_type"] == ("oauth" if channel_type == "slack" else "invite")
    assert key in answer["message"]


def test_a_bot_that_lacks_its_token_is_told_so(client: FlaskClient, new: dict[str, Any]) -> None:
    create(client, new, "bot", channel_type="telegram_bot")
    answer: Any = client.get(f"{PATH}/bot/qr").json
    assert (answer["qr_code"], answer["auth_url"], answer["invite_url"]) == (None, None, None)
    assert answer["status"] == "disconnected"
    assert "bot_token" in answer["message"]
    assert_failed(client.post(f"{PATH}/bot/restart"), 400, "bot_token")


def test_a_channel_without_a_provider_to_tell_is_only_marked(client: FlaskClient, new: dict[str, Any]) -> None:
    create(client, new, "team", channel_type="widget")
    assert client.post(f"{PATH}/team/restart").json == golden("restart_response")
    assert client.post(f"{PATH}/team/logout").json == golden("logout_response")
    assert client.delete(f"{PATH}/team/channel").json == golden("remove_channel_response")


def test_what_happened_to_an_account_while_nobody_listened_is_found_out(
    client: FlaskClient, deps: Deps, path: str, server: Evolution
) -> None:
    server.scan(client, tell=False)
    call_count = len(server.stub.requests)
    later = replace(deps, now=lambda: deps.now() + timedelta(minutes=11))
    assert sweep(deps)["asked_after"] == 0
    assert len(server.stub.requests) == call_count
    assert get_default(deps, "default").status is InstanceStatus.WAITING_FOR_SCAN
    assert sweep(later)["asked_after"] == 1
    assert get_default(deps, "default").status is InstanceStatus.CONNECTED
    assert sweep(later)["asked_after"] == 0


def test_a_server_that_is_down_is_asked_again_later_and_changes_nothing(
    client: FlaskClient, deps: Deps, path: str, server: Evolution
) -> None:
    server.stub.on("GET", "/instance/", Reply(drop=True))
    later = replace(deps, now=lambda: deps.now() + timedelta(minutes=11))
    assert sweep(later)["asked_after"] == 1
    assert get_default(deps, "default").status is InstanceStatus.WAITING_FOR_SCAN
    assert sweep(later)["asked_after"] == 0
