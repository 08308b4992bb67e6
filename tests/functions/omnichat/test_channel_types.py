"""What a form for a new channel is made of."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from shared import channels
from tests.pipeline.hub import Hub


@pytest.fixture
def types(hub: Hub) -> dict[str, dict[str, Any]]:
    """All ways to connect a channel, by their adapter."""
    answer: Any = hub.get("/api/channel-types")
    return {each["adapter"]: each for each in answer["channelTypes"]}


def test_every_adapter_says_where_what_it_asks_for_comes_from(types: dict[str, dict[str, Any]]) -> None:
    assert set(types) == set(channels.names())
    for adapter, kind in types.items():
        assert kind["help"].endswith("."), adapter
        assert kind["label"], adapter
        schema = kind["configSchema"]
        jsonschema_rs.meta.validate(schema)
        assert set(schema["required"]) <= set(schema["properties"]), adapter
        assert all(field["title"] for field in schema["properties"].values()), adapter
    for kind in {each["type"] for each in types.values()}:
        assert sum(each["isDefault"] for each in types.values() if each["type"] == kind) == 1


def test_a_form_asks_for_secrets_as_such_and_not_for_what_the_hub_makes_itself(
    types: dict[str, dict[str, Any]],
) -> None:
    telegram = types["telegram_bot"]
    assert telegram["configSchema"]["required"] == ["botToken"]
    assert telegram["configSchema"]["properties"]["botToken"]["writeOnly"] is True
    assert "webhookSecret" not in telegram["configSchema"]["properties"]
    assert telegram["connects"] == ["credentials"]
    assert types["whatsapp_web"]["connects"] == ["scan"]
    assert types["whatsapp_cloud"]["capabilities"]["windowHours"] == 24
    assert types["widget"]["connects"] == []


def test_a_channel_that_is_made_as_the_schema_says_is_taken(hub: Hub, types: dict[str, dict[str, Any]]) -> None:
    config = {"title": "Bicycles", "color": "#0f766e"}
    jsonschema_rs.validate(types["widget"]["configSchema"], config)
    created: Any = hub.post("/api/channels", {"name": "Shop", "type": "WIDGET", "config": config}, 201)
    assert created["config"]["title"] == "Bicycles"
