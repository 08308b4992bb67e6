"""Evolution's webhook is changed by somebody else, or its calls are refused: it is set again, and it shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.events import Topic
from tests.evolution import Evolution, upsert, written
from tests.pipeline.hub import Hub
from tests.pipeline.manual_hub import ManualHub, seen_from
from tests.stubs import Reply, Stub

HOOK = "https://hub.example.com/webhook/evolution/shop"
HEADER = "x-hub-webhook-secret"


@pytest.fixture
def evolution(provider: Stub) -> Evolution:
    evolution = Evolution(provider)
    evolution.state = "open"
    return evolution


@pytest.fixture
def shop(manual_hub: ManualHub, evolution: Evolution) -> ManualHub:
    """A hub with a public address and a connected channel."""
    return _at(manual_hub, "https://hub.example.com")


def _at(hub: ManualHub, public_url: str) -> ManualHub:
    settings = hub.deps.settings.model_copy(update={"public_url": public_url})
    return seen_from(hub, replace(hub.deps, settings=settings))


def _connect(hub: Hub) -> str:
    config = {"whatsappInstance": "shop", "evolutionKey": "K3Y" * 5}
    return str(hub.post("/api/channels", {"name": "shop", "type": "WHATSAPP", "config": config}, 201)["id"])


def _webhook(hub: Hub, channel: str) -> dict[str, Any]:
    webhook: dict[str, Any] = hub.get(f"/api/channels/{channel}")["webhook"]
    return webhook


def _sets(hub: Hub) -> int:
    return len(hub.provider.to("/webhook/set/"))


def _look(hub: ManualHub) -> None:
    """What the schedule does of itself after ten minutes."""
    hub.wait(minutes=11)
    hub.tick()


LOSSES: list[dict[str, Any]] = [
    {"url": "https://other.example/hook"},
    {"headers": {}},
    {"headers": {HEADER: "another"}},
    {"events": ["MESSAGES_UPDATE"]},
    {"enabled": False},
]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_webhook_that_somebody_changed_is_set_again_by_the_next_look(
    shop: ManualHub, evolution: Evolution, loss: dict[str, Any]
) -> None:
    channel = _connect(shop)
    registered = dict(evolution.hook)
    evolution.hook |= loss
    _look(shop)
    assert evolution.hook == registered
    assert _webhook(shop, channel)["url"] == HOOK


def test_a_webhook_that_is_gone_is_set_again(shop: ManualHub, evolution: Evolution) -> None:
    _connect(shop)
    evolution.hook = {}
    _look(shop)
    assert evolution.hook["url"] == HOOK


def test_a_webhook_that_is_in_order_is_left_alone(shop: ManualHub, evolution: Evolution) -> None:
    channel = _connect(shop)
    before = _webhook(shop, channel)
    _look(shop)
    assert _sets(shop) == 1
    assert _webhook(shop, channel) == before


def test_a_server_that_took_fewer_events_is_in_order_too(shop: ManualHub, evolution: Evolution) -> None:
    _connect(shop)
    evolution.hook["events"] = evolution.hook["events"][:6]
    _look(shop)
    assert _sets(shop) == 1


def test_a_hub_that_moved_is_called_at_its_new_address(shop: ManualHub, evolution: Evolution) -> None:
    channel = _connect(shop)
    moved = _at(shop, "https://new.example.com")
    _look(moved)
    assert evolution.hook["url"] == "https://new.example.com/webhook/evolution/shop"
    assert _webhook(moved, channel)["url"] == evolution.hook["url"]


@pytest.mark.parametrize("path", ["/api/v1/instances/shop/qr", "/api/v1/instances/shop/status"])
def test_asking_for_a_code_or_the_status_sets_it_again_too(shop: ManualHub, evolution: Evolution, path: str) -> None:
    channel = _connect(shop)
    evolution.hook = {}
    shop.get(path)
    assert evolution.hook["url"] == HOOK
    assert _webhook(shop, channel)["url"] == HOOK


def test_a_restart_sets_it_again_too(shop: ManualHub, evolution: Evolution) -> None:
    _connect(shop)
    evolution.hook = {}
    shop.post("/api/v1/instances/shop/restart", {})
    assert evolution.hook["url"] == HOOK


def test_a_webhook_that_cannot_be_set_shows_why(shop: ManualHub, evolution: Evolution) -> None:
    channel = _connect(shop)
    evolution.hook = {}
    shop.provider.on("POST", "/webhook/set/", Reply(500, {"message": "no disk"}), times=1)
    _look(shop)
    assert "no disk" in _webhook(shop, channel)["error"]
    _look(shop)
    assert (_webhook(shop, channel)["url"], _webhook(shop, channel)["error"]) == (HOOK, None)


def _call(hub: Hub, secret: str, status: int) -> None:
    body = upsert(written("hello"))
    answer = hub.client.post("/webhook/evolution/shop", json=body, headers={HEADER: secret})
    assert answer.status_code == status, answer.text


def _notifications(hub: Hub) -> list[str]:
    return [notification["title"] for notification in hub.documents("notifications", tenant_id=hub.tenant_id)]


def test_refused_calls_are_counted_and_told_once(shop: ManualHub, evolution: Evolution) -> None:
    channel = _connect(shop)
    shop.new_events(Topic.REALTIME)
    for _ in range(3):
        _call(shop, "wrong", 401)
    assert _webhook(shop, channel)["refusedCount"] == 1, "written once a minute"
    told = [getattr(event, "name", "") for event in shop.new_events(Topic.REALTIME)]
    assert told.count("notification-created") == 1, "people who look on hear of it at once"
    shop.wait(minutes=2)
    _call(shop, "wrong", 401)
    webhook = _webhook(shop, channel)
    assert webhook["refusedCount"] == 4
    assert HEADER in webhook["refusal"]
    assert webhook["refusedAt"]
    assert _notifications(shop) == ["Webhook Refused"]
    shop.wait(days=2)
    _call(shop, "wrong", 401)
    assert _notifications(shop) == ["Webhook Refused"] * 2


def test_the_last_call_shows_to_ten_minutes(shop: ManualHub, evolution: Evolution) -> None:
    channel = _connect(shop)
    assert _webhook(shop, channel)["receivedAt"] is None
    times = []
    for minutes in (0, 5, 6):
        shop.wait(minutes=minutes)
        _call(shop, evolution.hook["headers"][HEADER], 200)
        shop.work()
        times.append(_webhook(shop, channel)["receivedAt"])
    assert times[0] == times[1] < times[2]


def test_calls_that_prove_themselves_are_not_counted(shop: ManualHub, evolution: Evolution) -> None:
    channel = _connect(shop)
    _call(shop, evolution.hook["headers"][HEADER], 200)
    assert _webhook(shop, channel)["refusedCount"] == 0
    assert _notifications(shop) == []


def test_registering_the_webhook_again_begins_a_new_count(shop: ManualHub, evolution: Evolution) -> None:
    channel = _connect(shop)
    _call(shop, "wrong", 401)
    evolution.hook = {}
    _look(shop)
    assert _webhook(shop, channel)["refusedCount"] == 0
