"""Forge's front end: what forge-api.ts calls, and the modal and card that use it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.functions.forge.conftest import GOLDEN
from tests.runs.server import Client
from tests.stubs import Reply, Stub

pytestmark = pytest.mark.slow

KEY = "omni-key-1234"


class ForgeApi:
    """forge-api.ts: its three calls, without a credential, and of each answer what the documented types have."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get_global_settings(self) -> Any:
        return _settings(self._client.get("/api/forge/config"))

    def set_global_settings(self, settings: Any) -> Any:
        return self._client.put("/api/forge/config", settings)

    def list_omni_instances(self) -> Any:
        listed = self._client.get("/api/forge/omni/instances")["instances"]
        return {"instances": [{name: item[name] for name in ("id", "name", "status")} for item in listed]}


def test_the_modal_is_filled_in_and_the_card_shows_it_until_somebody_disconnects(
    anonymous: Client, provider: Stub
) -> None:
    provider.on("GET", "^/api/v1/instances$", Reply(json=[{"id": 1, "name": "my_instance", "status": "connected"}]))
    forge = ForgeApi(anonymous)
    settings = forge.get_global_settings()
    assert settings == _printed("default_settings")

    settings["omni_config"] |= {"host": provider.url, "api_key": KEY}
    assert forge.set_global_settings(settings)["success"] is True
    listed = forge.list_omni_instances()
    assert listed == _printed("instances")
    assert provider.requests[-1].headers["authorization"] == f"Bearer {KEY}"

    settings = forge.get_global_settings()
    assert KEY not in str(settings)
    chosen = {"instance": listed["instances"][0]["name"], "recipient": "+5511988887777"}
    settings["omni_config"] |= chosen | {"recipient_type": "PhoneNumber", "enabled": True}
    forge.set_global_settings(settings | {"omni_enabled": True})
    card = forge.get_global_settings()
    printed = _printed("settings")["omni_config"]
    excluded = {"host", "api_key"}
    assert {n: v for n, v in card["omni_config"].items() if n not in excluded} == {
        n: v for n, v in printed.items() if n not in excluded
    }
    assert card["omni_enabled"] is True
    assert forge.list_omni_instances() == listed, "the mask that was sent back left the key as it was"

    forge.set_global_settings(_printed("default_settings"))
    assert forge.get_global_settings() == _printed("default_settings")
    refused = anonymous.get("/api/forge/omni/instances", 400)
    assert "host" in refused["detail"]


def _settings(answer: Any) -> Any:
    return {name: answer[name] for name in ("omni_enabled", "omni_config")}


def _printed(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))
