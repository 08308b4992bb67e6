"""Who sees the secrets of an instance, and that they survive being shown."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from shared.deps import Deps
from tests.functions.keys import key_for
from tests.functions.omnihub.door import PATH, create


def test_secrets_are_masked_for_keys_without_the_scope(client: FlaskClient, deps: Deps, new: dict[str, Any]) -> None:
    create(client, new, "shop")
    masked: Any = client.get(f"{PATH}/shop", headers=key_for(deps, "default")).json
    assert (masked["evolution_key"], masked["agent_api_key"]) == ("••••1234", "••••5678")
    reader = key_for(deps, "default", scopes=["secrets:read"])
    assert client.get(f"{PATH}/shop", headers=reader).json["evolution_key"] == "evolution-key-1234"  # type: ignore[index]


def test_a_short_secret_is_masked_whole(client: FlaskClient, deps: Deps, new: dict[str, Any]) -> None:
    create(client, new, "shop", evolution_key="short")
    assert client.get(f"{PATH}/shop", headers=key_for(deps, "default")).json["evolution_key"] == "••••"  # type: ignore[index]


def test_a_caller_sees_the_secrets_that_he_has_just_sent(client: FlaskClient, deps: Deps, new: dict[str, Any]) -> None:
    headers = key_for(deps, "default")
    created: Any = client.post(PATH, json=new | {"name": "shop"}, headers=headers).json
    assert created["evolution_key"] == "evolution-key-1234"
    changed: Any = client.put(f"{PATH}/shop", json={"evolution_key": "another-key-9999"}, headers=headers).json
    assert (changed["evolution_key"], changed["agent_api_key"]) == ("another-key-9999", "••••5678")


def test_no_secret_is_in_the_stores_file(client: FlaskClient, deps: Deps, new: dict[str, Any]) -> None:
    create(client, new, "shop")
    create(client, new, "team", channel_type="slack")
    files = [path for path in deps.settings.data_dir.rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        assert b"evolution-key-1234" not in content, path
        assert b"agent-key-5678" not in content, path
