"""Who sees the secrets of an instance, and that they survive being shown."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from shared.deps import Deps
from shared.domain.instances import ChannelType
from shared.usecases.instances import instances
from shared.usecases.instances.instances import NewInstance
from tests.functions.keys import key_for
from tests.functions.omnihub.door import PATH, create
from tests.stubs import Stub


def test_secrets_are_masked_for_keys_without_the_scope(client: FlaskClient, deps: Deps, new: dict[str, Any]) -> None:
    create(client, new, "shop")
    masked: Any = client.get(f"{PATH}/shop", headers=key_for(deps, "default")).json
    assert (masked["evolution_key"], masked["agent_api_key"]) == ("••••1234", "••••")
    reader = key_for(deps, "default", scopes=["secrets:read"])
    assert client.get(f"{PATH}/shop", headers=reader).json["evolution_key"] == "evolution-key-1234"  # type: ignore[index]


def test_a_short_secret_is_masked_whole(client: FlaskClient, deps: Deps, new: dict[str, Any]) -> None:
    create(client, new, "shop", evolution_key="short")
    assert client.get(f"{PATH}/shop", headers=key_for(deps, "default")).json["evolution_key"] == "••••"  # type: ignore[index]


def test_a_caller_sees_the_secrets_that_they_have_just_sent(
    client: FlaskClient, deps: Deps, new: dict[str, Any]
) -> None:
    headers = key_for(deps, "default")
    created: Any = client.post(PATH, json=new | {"name": "shop"}, headers=headers).json
    assert created["evolution_key"] == "evolution-key-1234"
    changed: Any = client.put(f"{PATH}/shop", json={"evolution_key": "another-key-9999"}, headers=headers).json
    assert (changed["evolution_key"], changed["agent_api_key"]) == ("another-key-9999", "••••")


def test_no_secret_is_in_the_stores_file(client: FlaskClient, deps: Deps, new: dict[str, Any]) -> None:
    create(client, new, "shop")
    create(client, new, "team", channel_type="slack")
    files = [path for path in deps.settings.data_dir.rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        assert b"evolution-key-1234" not in content, path
        assert b"agent-key-5678" not in content, path


def test_a_stored_secret_is_not_sent_to_another_server_at_the_wish_of_who_may_not_read_it(
    client: FlaskClient, deps: Deps, new: dict[str, Any], provider: Stub
) -> None:
    create(client, new, "shop")
    writer = key_for(deps, "default")
    elsewhere = "http://localhost:1"
    moves: list[tuple[dict[str, str], str]] = [
        ({"evolution_url": elsewhere}, "evolution_key"),
        ({"evolution_url": elsewhere, "evolution_key": "••••1234"}, "evolution_key"),
        ({"agent_api_url": elsewhere}, "agent_api_key"),
        ({"agent_api_url": elsewhere, "evolution_key": "evolution-key-1234"}, "agent_api_key"),
    ]
    for body, field in moves:
        refused: Any = client.put(f"{PATH}/shop", json=body, headers=writer)
        assert (refused.status_code, list(refused.json["fields"])) == (400, [field]), body
    stored: Any = client.get(f"{PATH}/shop", headers=writer).json
    assert (stored["evolution_url"], stored["agent_api_url"]) == (new["evolution_url"], new["agent_api_url"])
    # Another path on the same server, the secret given again, and who may read it anyway.
    for body, headers in (
        ({"agent_api_url": new["agent_api_url"] + "/v2"}, writer),
        ({"agent_api_url": elsewhere, "agent_api_key": "agent-key-5678"}, writer),
        ({"evolution_url": f"{provider.url}/v2"}, writer),
        ({"evolution_url": elsewhere}, key_for(deps, "default", scopes=["secrets:read", "write"])),
    ):
        assert client.put(f"{PATH}/shop", json=body, headers=headers).status_code == 200, body


def test_a_secret_is_not_led_elsewhere_by_way_of_another_channel_type(
    client: FlaskClient, deps: Deps, new: dict[str, Any]
) -> None:
    create(client, new, "shop")
    writer = key_for(deps, "default")
    there = {"channel_type": "slack", "evolution_url": "http://localhost:1"}
    assert client.put(f"{PATH}/shop", json=there, headers=writer).status_code == 200
    back: Any = client.put(f"{PATH}/shop", json={"channel_type": "whatsapp"}, headers=writer)
    assert (back.status_code, list(back.json["fields"])) == (400, ["evolution_key"])
    cleared = {"channel_type": "whatsapp", "evolution_url": None}
    assert client.put(f"{PATH}/shop", json=cleared, headers=writer).status_code == 400


def test_a_secret_for_the_deployments_server_stays_there_at_the_wish_of_who_may_not_read_it(
    client: FlaskClient, deps: Deps
) -> None:
    """An instance that names no server is at the one that the deployment names."""
    instance = instances.create(
        deps,
        "default",
        NewInstance(channel_type=ChannelType.WHATSAPP, name="shop", config={"evolution_key": "key-1234"}),
        connect=False,
    )
    assert "evolution_url" not in instance.config
    writer = key_for(deps, "default")
    assert client.put(f"{PATH}/shop", json={"phone_number": "+5511999999999"}, headers=writer).status_code == 200
    refused: Any = client.put(f"{PATH}/shop", json={"evolution_url": "http://localhost:1"}, headers=writer)
    assert (refused.status_code, list(refused.json["fields"])) == (400, ["evolution_key"])
