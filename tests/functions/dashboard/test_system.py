"""Health and capabilities."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from functions.dashboard.main import blueprints
from shared.deps import Deps
from shared.domain.ids import new_id
from shared.errors import StoreError
from shared.ports.store import Document, Ref
from tests.apps import create_app


class Broken:
    """A store that nobody can reach; `attempts` counts the reads."""

    def __init__(self) -> None:
        self.attempts = 0

    def get(self, refs: Sequence[Ref]) -> dict[Ref, Document]:
        self.attempts += 1
        raise StoreError("the store cannot be reached")


@pytest.fixture
def broken() -> Broken:
    return Broken()


@pytest.fixture
def sick(deps: Deps, broken: Broken) -> FlaskClient:
    without_store = replace(deps, store=broken, owner=new_id())  # type: ignore[arg-type]  # nothing else is asked of it
    return create_app(without_store, blueprints()).test_client()


def test_health_is_what_three_documents_ask_for(client: FlaskClient) -> None:
    answer: Any = client.get("/health")
    assert answer.status_code == 200
    body = answer.json
    assert (body["status"], body["db"]) == ("healthy", "up")
    assert body["services"] == {"database": "up", "redis": "up", "webhooks": "up"}
    assert type(body["uptime"]) is int
    assert 0 <= body["uptime"] <= time.monotonic(), "a process runs no longer than its machine"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["timestamp"])
    assert body["version"] == "1.0.0"


def test_a_store_that_is_down_is_told_with_200(sick: FlaskClient) -> None:
    answer: Any = sick.get("/health")
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["db"]) == ("unhealthy", "down")
    assert answer.json["services"]["database"] == "down"


def test_readiness_is_503_while_the_store_is_down(client: FlaskClient, sick: FlaskClient) -> None:
    assert client.get("/health/ready").status_code == 200
    assert sick.get("/health/ready").status_code == 503
    assert sick.get("/health/live").status_code == 200


def test_polling_does_not_ask_the_store_each_time(sick: FlaskClient, broken: Broken) -> None:
    for _ in range(5):
        sick.get("/health")
    assert broken.attempts == 1


def test_capabilities_are_as_printed(client: FlaskClient) -> None:
    assert client.get("/capabilities").json == {
        "channels": ["whatsapp", "voice", "video", "chat", "email", "sms"],
        "features": ["session_transfer", "analytics", "routing"],
        "version": "1.0.0",
    }
    everything: Any = client.get("/capabilities?include=all").json
    assert {"telegram_bot", "facebook", "chat", "slack"} < set(everything["channels"])


def test_nobody_needs_a_key_for_these(deps: Deps) -> None:
    keyed = replace(deps, settings=deps.settings.model_copy(update={"api_key": SecretStr("the-one-key")}))
    client = create_app(keyed, blueprints()).test_client()
    for path in ("/health", "/health/ready", "/health/live", "/capabilities"):
        assert client.get(path).status_code == 200
