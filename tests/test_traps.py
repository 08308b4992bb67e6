"""What a quick implementation gets wrong, each shown through the doors by which clients come in."""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.hub.main import blueprints
from shared.deps import Deps
from shared.domain.messages import Direction
from shared.errors import StoreError
from tests.apps import create_app
from tests.eventually import eventually
from tests.evolution import MARIA, Evolution, upsert, written
from tests.functions.keys import key_for
from tests.overlaps import overlaps
from tests.pipeline.hub import Hub
from tests.stubs import Received, Reply, stub_server

INSTANCES = "/api/v1/instances"


def _instance(hub: Hub, name: str = "shop", **fields: Any) -> Any:
    """A WhatsApp instance whose Evolution server is the provider."""
    body = {
        "name": name,
        "evolution_url": hub.provider.url,
        "evolution_key": "evolution-key-1234",
        "agent_api_url": hub.provider.url,
        "agent_api_key": "agent-key-5678",
        "default_agent": "support",
    }
    return hub.post(INSTANCES, body | fields, 201)


def _upsert(text: str, **outside: Any) -> dict[str, Any]:
    """What Evolution posts when Maria writes; `outside` stands beside the event's data."""
    return upsert(written(text)) | outside


def _put(hub: Hub, path: str, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Any:
    answer = hub.client.put(path, json=body, headers=headers or hub.headers)
    assert answer.status_code == status, answer.text
    return answer.json


def test_01_a_masked_secret_that_is_read_and_put_back_stays_what_it_was(hub: Hub, deps: Deps) -> None:
    hub.provider.on("GET", "/instance/connectionState/", Reply(json={"instance": {"state": "close"}}))
    _instance(hub)
    masked = key_for(deps, hub.tenant_id)
    seen: Any = hub.client.get(f"{INSTANCES}/shop", headers=masked).json
    assert (seen["evolution_key"], seen["agent_api_key"]) == ("••••1234", "••••")
    put = _put(hub, f"{INSTANCES}/shop", seen | {"agent_timeout": 5}, headers=masked)
    assert (put["evolution_key"], put["agent_timeout"]) == ("••••1234", 5)
    stored = hub.get(f"{INSTANCES}/shop")
    assert (stored["evolution_key"], stored["agent_api_key"]) == ("evolution-key-1234", "agent-key-5678")
    hub.get(f"{INSTANCES}/shop/status")
    assert hub.provider.to("/instance/connectionState/")[-1].headers["apikey"] == "evolution-key-1234"

    hub.provider.on("GET", "^/api/v1/instances$", Reply(json=[]))
    settings = hub.get("/api/forge/config")
    settings["omni_config"] |= {"host": hub.provider.url, "api_key": "omni-key-4321"}
    _put(hub, "/api/forge/config", settings, headers=masked)
    masked_settings: Any = hub.client.get("/api/forge/config", headers=masked).json
    assert masked_settings["omni_config"]["api_key"] == "••••"
    _put(hub, "/api/forge/config", masked_settings, headers=masked)
    hub.get("/api/forge/omni/instances")
    assert hub.provider.requests[-1].headers["x-api-key"] == "omni-key-4321"


def test_02_the_supported_channels_are_not_taken_for_an_instances_name(hub: Hub) -> None:
    hub.post(INSTANCES, {"name": "supported-channels"} | _of("slack"), 400)
    answer = hub.get(f"{INSTANCES}/supported-channels")
    assert answer == {"supported_channels": ["whatsapp", "slack", "discord"], "total_channels": 3}


def _of(channel_type: str) -> dict[str, str]:
    agent = {"agent_api_url": "http://localhost:3000", "agent_api_key": "agent-key-5678", "default_agent": "support"}
    return {"channel_type": channel_type} | agent


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", INSTANCES, {}),
        ("POST", INSTANCES, {"name": 5, "agent_timeout": "soon"}),
        ("GET", f"{INSTANCES}?limit=many", None),
        ("POST", "/api/auth/register", {"email": "nobody"}),
        ("POST", "/sessions/create", {"priority": "enormous"}),
        ("PUT", "/api/forge/config", {"omni_enabled": "perhaps"}),
        ("GET", "/api/pair/status?timeout=soon", None),
    ],
)
def test_03_a_refused_body_has_a_detail_that_can_be_printed(hub: Hub, method: str, path: str, body: Any) -> None:
    answer = hub.client.open(path, method=method, json=body, headers=hub.headers)
    assert answer.status_code == 400
    assert answer.json is not None
    assert isinstance(answer.json["detail"], str)
    assert answer.json["fields"]


def test_04_instances_are_a_bare_array_and_what_the_dashboard_lists_is_not(hub: Hub) -> None:
    hub.telegram()
    for path in (INSTANCES, "/api/channels"):
        listed: Any = hub.get(path)
        assert isinstance(listed, list)
        assert len(listed) == 1
    for path, name in (
        ("/channels/integrations", "channels"),
        ("/sessions/active", "sessions"),
        ("/notifications", "notifications"),
    ):
        assert next(iter(hub.get(path))) == name


def test_05_one_code_has_the_data_prefix_in_one_dialect_and_none_in_the_other(hub: Hub) -> None:
    evolution = Evolution(hub.provider)
    _instance(hub)
    assert evolution.state == "connecting"
    with_prefix = hub.get(f"{INSTANCES}/shop/qr")["qr_code"]
    bare = hub.post("/api/pair", {})["qr_png_base64"]
    assert with_prefix == f"data:image/png;base64,{bare}"
    assert base64.b64decode(bare, validate=True).startswith(b"\x89PNG\r\n\x1a\n")


def test_06_twenty_first_messages_at_once_make_one_customer_and_one_conversation(hub: Hub) -> None:
    channel_id = hub.telegram()
    updates = [hub.update(5, f"message {n}") for n in range(20)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda update: hub.deliver_update(channel_id, update), updates))
    eventually(lambda: len(hub.messages()) == 20)
    assert len(hub.conversations()) == 1
    assert len(hub.documents("customers", tenant_id=hub.tenant_id)) == 1
    assert len(hub.documents("identities", tenant_id=hub.tenant_id)) == 1


def test_07_a_message_whose_storing_failed_is_not_taken_for_a_duplicate(hub: Hub) -> None:
    channel_id = hub.telegram()
    hub.echo_agent()
    storing = overlaps(hub.deps).store
    for _ in range(2):
        storing.before_commit("messages", _store_is_gone)
    update = hub.update(5, "hello")
    for _ in range(2):
        hub.deliver_update(channel_id, update)
    hub.provider.wait_for("/sendMessage")
    assert storing.all_happened
    assert [message.text for message in hub.messages(Direction.INBOUND)] == ["hello"]
    eventually(hub.idle)
    assert hub.sent_texts() == ["Echo: hello"]


def _store_is_gone() -> None:
    raise StoreError("the store is gone")


def test_08_a_message_of_evolutions_is_dated_by_its_timestamp_and_not_by_local_time(hub: Hub) -> None:
    _instance(hub)
    hour_ago = int(time.time()) - 3600
    body = _upsert("an hour ago", date_time="2031-01-01T00:00:00.000Z")
    body["data"]["messageTimestamp"] = hour_ago
    hub.client.post("/webhook/evolution/shop", json=body)
    [message] = hub.get(f"/messages/{hub.conversation().id}")["messages"]
    assert message["timestamp"] == f"{datetime.fromtimestamp(hour_ago, UTC):%Y-%m-%dT%H:%M:%SZ}"


def test_09_every_entry_and_every_message_of_a_call_of_metas_is_taken(hub: Hub) -> None:
    pages = {"token-of-1": "1", "token-of-2": "2"}

    def me(request: Received) -> Reply:
        return Reply(json={"id": pages[request.headers["authorization"].removeprefix("Bearer ")], "name": "Page"})

    hub.provider.on("GET", "/me", me)
    for token in pages:
        hub.post("/api/channels", {"name": token, "type": "FACEBOOK", "config": {"pageAccessToken": token}}, 201)
    entries = [
        {"id": page, "time": 1, "messaging": [_from_messenger(page, person) for person in ("a", "b")]}
        for page in pages.values()
    ]
    answer = hub.client.post("/api/facebook/webhook", json={"object": "page", "entry": entries})
    assert answer.status_code == 200
    eventually(lambda: len(hub.messages()) == 4)
    assert {message.text for message in hub.messages()} == {"a to 1", "b to 1", "a to 2", "b to 2"}


def _from_messenger(page: str, person: str) -> dict[str, Any]:
    return {
        "sender": {"id": f"{person}{page}"},
        "recipient": {"id": page},
        "timestamp": int(time.time() * 1000),
        "message": {"mid": f"m-{person}-{page}", "text": f"{person} to {page}"},
    }


def test_10_deleting_the_last_two_instances_at_once_leaves_one(hub: Hub) -> None:
    for name in ("one", "two"):
        hub.post(INSTANCES, {"name": name} | _of("slack"), 201)

    def delete(name: str) -> int:
        client = hub.client.application.test_client()
        return client.delete(f"{INSTANCES}/{name}", headers=hub.headers).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(delete, ["one", "two"])) == [204, 400]
    [left] = hub.get(INSTANCES)
    assert left["is_default"] is True


@pytest.mark.parametrize("period", ["1h", "24h", "7d", "30d"])
def test_11_figures_of_nothing_are_numbers(hub: Hub, period: str) -> None:
    for path in (
        f"/analytics/dashboard?range={period}",
        f"/analytics/channel-performance?channel=whatsapp&range={period}",
        "/analytics/customer-satisfaction",
    ):
        for value in _leaves(hub.get(path)):
            assert value is not None, path
            assert not isinstance(value, float) or math.isfinite(value), path


def _leaves(value: Any) -> Iterator[Any]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not isinstance(value, (dict, list)):
        yield value
    for item in items:
        yield from _leaves(item)


@pytest.mark.parametrize("status", [401, 403])
def test_12_a_key_that_omni_refuses_does_not_log_our_own_user_out(hub: Hub, status: int) -> None:
    hub.provider.on("GET", "/api/v1/instances", Reply(status, json={"detail": "no"}))
    settings = hub.get("/api/forge/config")
    settings["omni_config"] |= {"host": hub.provider.url, "api_key": "omni-key-4321"}
    _put(hub, "/api/forge/config", settings)
    refused = hub.get("/api/forge/omni/instances", 502)
    assert "refused the API key" in refused["detail"]
    assert "omni-key-4321" not in str(refused)
    assert len(hub.provider.to("/api/v1/instances")) == 1


def test_13_a_changed_language_leaves_the_preferred_channel(hub: Hub) -> None:
    hub.customer_writes(hub.telegram(), "hello")
    path = f"/customers/{hub.conversation().customer_id}/profile"
    _put(hub, path, {"preferences": {"language": "en", "preferred_channel": "whatsapp"}})
    changed = _put(hub, path, {"preferences": {"language": "es"}})
    assert changed["preferences"] == {"language": "es", "preferred_channel": "whatsapp"}
    assert hub.get(path)["preferences"] == changed["preferences"]


def test_14_tabs_that_refresh_at_once_lock_nobody_out(hub: Hub) -> None:
    account = {"email": "tabs@example.com", "password": "correct horse"}
    token = hub.post("/api/auth/register", account, 201)["refreshToken"]

    def refresh(spent: str) -> Any:
        return hub.client.application.test_client().post("/api/auth/refresh", json={"refreshToken": spent})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(refresh, [token] * 8))
    assert [answer.status_code for answer in answers] == [200] * 8
    fresh = {answer.json["refreshToken"] for answer in answers}
    assert len(fresh) == 8
    assert [refresh(each).status_code for each in fresh] == [200] * 8


def test_15_who_shows_no_credential_sees_one_tenant_only(hub: Hub) -> None:
    hub.customer_writes(hub.telegram(), "a secret of this tenant")
    session = hub.conversation()
    forge = hub.get("/api/forge/config")
    _put(hub, "/api/forge/config", forge | {"omni_config": forge["omni_config"] | {"recipient": "secret-recipient"}})
    settings = hub.deps.settings.model_copy(update={"anonymous_tenant": "somebody-else"})
    stranger = create_app(replace(hub.deps, settings=settings), blueprints()).test_client()
    assert stranger.get("/channels/integrations").json == {"channels": []}
    assert stranger.get("/sessions/active").json == {"sessions": []}
    assert stranger.get("/customers").json["customers"] == []  # type: ignore[index]
    assert "secret-recipient" not in stranger.get("/api/forge/config").text
    for path in (
        f"/sessions/{session.id}",
        f"/messages/{session.id}",
        f"/customers/{session.customer_id}/profile",
        f"/customers/{session.customer_id}/history",
    ):
        assert stranger.get(path).status_code == 404
        assert hub.client.get(path, headers=hub.headers).status_code == 200


def test_16_a_webhooks_body_cannot_say_where_answers_go(hub: Hub) -> None:
    hub.provider.on("POST", "/api/v1/agent/support/run", Reply(json={"message": "your code is 1234"}))
    sent = {"key": {"remoteJid": MARIA, "fromMe": True, "id": "OUT1"}, "status": "PENDING"}
    hub.provider.on("POST", "/message/sendText/", Reply(201, sent))
    _instance(hub)
    with stub_server() as thief:
        body = _upsert("hello", server_url=thief.url, apikey="stolen", instance="of-the-thief")
        assert hub.client.post("/webhook/evolution/shop", json=body).status_code == 200
        [request] = hub.provider.wait_for("/message/sendText/")
        eventually(hub.idle)
        assert thief.requests == []
    assert request.path == "/message/sendText/shop"
    assert request.headers["apikey"] == "evolution-key-1234"
    stored = hub.get(f"{INSTANCES}/shop")
    assert (stored["evolution_url"], stored["evolution_key"]) == (hub.provider.url, "evolution-key-1234")


def test_17_probes_have_paths_that_every_front_end_lets_through(hub: Hub) -> None:
    for path in ("/health", "/health/live", "/health/ready"):
        assert hub.client.get(path).status_code == 200
    assert not [rule.rule for rule in hub.client.application.url_map.iter_rules() if rule.rule.endswith("z")]
