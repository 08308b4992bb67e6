"""How a channel is, and what somebody has to do about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus, WebhookHealth
from shared.usecases.instances.next_steps import NextStep, address, next_step
from tests.documents import an_instance
from tests.pipeline.hub import Hub


@pytest.fixture
def reachable(deps: Deps) -> Deps:
    """A hub that says where providers reach it."""
    return replace(deps, settings=deps.settings.model_copy(update={"public_url": "https://hub.example"}))


def _connected(deps: Deps, adapter: str = "line", **webhook: Any) -> Instance:
    instance = an_instance(adapter)
    return instance.model_copy(update={"status": InstanceStatus.CONNECTED, "webhook": WebhookHealth(**webhook)})


@pytest.mark.parametrize(
    ("adapter", "status", "step"),
    [
        ("telegram_bot", InstanceStatus.NOT_CONFIGURED, NextStep.ENTER_CONFIG),
        ("telegram_bot", InstanceStatus.ERROR, NextStep.ENTER_CONFIG),
        ("telegram_bot", InstanceStatus.DISCONNECTED, NextStep.CONNECT),
        ("whatsapp_web", InstanceStatus.DISCONNECTED, NextStep.SCAN),
        ("whatsapp_web", InstanceStatus.WAITING_FOR_SCAN, NextStep.SCAN),
        ("whatsapp_web", InstanceStatus.CONNECTING, NextStep.WAIT),
        ("whatsapp_web", InstanceStatus.CONNECTED, NextStep.NOTHING),
        ("telegram_user", InstanceStatus.DISCONNECTED, NextStep.LOG_IN),
        ("widget", InstanceStatus.CONNECTED, NextStep.NOTHING),
    ],
)
def test_each_status_leads_to_one_next_step(
    reachable: Deps, adapter: str, status: InstanceStatus, step: NextStep
) -> None:
    assert next_step(reachable, an_instance(adapter).model_copy(update={"status": status})) is step


def test_a_connected_channel_wants_calls_that_are_accepted(deps: Deps, reachable: Deps) -> None:
    now = deps.now()
    assert next_step(deps, _connected(deps)) is NextStep.SET_PUBLIC_URL
    assert next_step(reachable, _connected(deps)) is NextStep.REGISTER_WEBHOOK
    assert next_step(reachable, _connected(deps, registered_at=now)) is NextStep.NOTHING
    assert next_step(reachable, _connected(deps, received_at=now)) is NextStep.NOTHING
    refused = _connected(deps, received_at=now, refused_at=now + timedelta(seconds=1))
    assert next_step(reachable, refused) is NextStep.CHECK_WEBHOOK_SECRET
    accepted = _connected(deps, received_at=now, refused_at=now - timedelta(seconds=1))
    assert next_step(reachable, accepted) is NextStep.NOTHING


def test_the_address_is_the_registered_one_or_the_one_to_enter_at_the_provider(deps: Deps, reachable: Deps) -> None:
    instance = _connected(deps)
    assert address(reachable, instance) == f"https://hub.example/webhook/line/{instance.id}"
    assert address(reachable, _connected(deps, url="https://hub.example/x")) == "https://hub.example/x"
    assert address(deps, instance) is None
    assert address(reachable, _connected(deps, "widget")) is None


def test_health_tells_status_reason_and_step_without_any_secret(hub: Hub) -> None:
    created: Any = hub.post("/api/channels", {"name": "Bot", "type": "TELEGRAM_BOT"}, 201)
    health: Any = hub.get(f"/api/channels/{created['id']}/health")
    assert (health["status"], health["nextStep"]) == ("DISCONNECTED", "enter_config")
    assert health["reason"] == "missing in config: botToken"
    assert health["webhookAddress"] == f"http://localhost/webhook/telegram_bot/{created['id']}"
    assert health["webhook"]["refusedCount"] == 0
