"""Channel instances in the OmniChat dialect."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.hub.main import blueprints
from functions.omnichat import channels
from shared.config import Settings
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.usecases.instances.instance_lookup import find_cached as find
from tests.apps import create_app
from tests.functions.keys import key_for
from tests.recording_bus import RecordingBus
from tests.stubs import Reply, Stub

PATH = "/api/channels"
TOKEN = "123456:secret-bot-token"
KEYS = [
    "id",
    "tenantId",
    "name",
    "type",
    "adapter",
    "status",
    "statusDetail",
    "externalId",
    "config",
    "metadata",
    "isDefault",
    "webhook",
    "createdAt",
    "updatedAt",
    "qrCode",
    "qrCodeExpiry",
    "lastConnectAttempt",
    "lastConnectedAt",
    "lastError",
]


class Bots:
    """The requests of a tenant's admin."""

    def __init__(self, client: FlaskClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = headers

    def call(self, method: str, path: str = "", body: Any = None, status: int = 200) -> Any:
        answer = self.client.open(PATH + path, method=method, json=body, headers=self.headers)
        assert answer.status_code == status, answer.text
        return answer.json

    def make(self, **fields: Any) -> Any:
        body = {"name": "Support", "type": "TELEGRAM_BOT", "config": {"botToken": TOKEN}}
        return self.call("POST", "", body | fields, 201)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"public_url": "https://hub.example.com"})


@pytest.fixture
def telegram(provider: Stub) -> Stub:
    provider.on("POST", "/getMe", Reply(json={"ok": True, "result": {"id": 123456, "username": "support_bot"}}))
    provider.on("POST", "/setWebhook", Reply(json={"ok": True, "result": True}))
    return provider


@pytest.fixture
def door(deps: Deps, telegram: Stub) -> Bots:
    return Bots(create_app(deps, [channels.api]).test_client(), key_for(deps, "acme"))


def test_a_created_channel_has_the_documented_form(door: Bots) -> None:
    created = door.make(metadata={"colour": "blue"})
    assert list(created) == KEYS
    assert created["tenantId"] == "acme"
    assert (created["name"], created["type"], created["status"]) == ("Support", "TELEGRAM_BOT", "DISCONNECTED")
    assert created["metadata"] == {"colour": "blue"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", created["createdAt"])


def test_creating_connects_and_reading_shows_the_outcome(door: Bots, telegram: Stub) -> None:
    created = door.make()
    url = f"https://hub.example.com/api/telegram/bot/webhook/{created['id']}"
    assert telegram.to("/setWebhook")[0].json["url"] == url
    assert created["webhook"]["url"] == url
    assert created["webhook"]["error"] is None
    read = door.call("GET", f"/{created['id']}")
    assert (read["status"], read["externalId"]) == ("CONNECTED", "123456")


def test_what_the_provider_refused_is_shown_and_the_channel_is_kept(door: Bots, telegram: Stub) -> None:
    telegram.on("POST", "/getMe", Reply(401, {"ok": False, "error_code": 401, "description": "Unauthorized"}))
    created = door.make()
    assert created["status"] == "DISCONNECTED"
    assert created["webhook"]["error"]
    assert created["statusDetail"]
    assert door.call("GET", f"/{created['id']}")["status"] == "ERROR"
    assert TOKEN not in str(created)


def test_connecting_tells_the_room(deps: Deps, telegram: Stub) -> None:
    bus = RecordingBus(deps.bus)
    app = create_app(replace(deps, bus=bus), [channels.api])
    created = Bots(app.test_client(), key_for(deps, "acme")).make()
    assert [(event.room, event.name, event.payload) for event in bus.published] == [
        (created["id"], "channel-status", {"status": "connected"})
    ]


def test_secrets_are_masked_for_everybody(door: Bots, deps: Deps) -> None:
    created = door.make()
    assert created["config"]["botToken"] == "••••oken"
    reader = Bots(door.client, key_for(deps, "acme", scopes=["secrets:read"]))
    assert reader.call("GET", f"/{created['id']}")["config"]["botToken"] == "••••oken"


def test_a_masked_secret_that_is_sent_back_stays(door: Bots, deps: Deps) -> None:
    created = door.make()
    changed = door.call("PATCH", f"/{created['id']}", {"config": created["config"] | {"parseMode": "HTML"}})
    assert changed["config"]["parseMode"] == "HTML"
    assert deps.secrets.read(f"instance-{created['id']}")["bot_token"] == TOKEN


def test_a_new_token_is_told_to_the_provider(door: Bots, telegram: Stub) -> None:
    created = door.make()
    changed = door.call("PATCH", f"/{created['id']}", {"config": {"botToken": "123456:another-token"}})
    assert len(telegram.to("/bot123456:another-token/setWebhook")) == 1
    assert changed["status"] == "CONNECTED"


def test_changing_only_the_name_calls_nobody(door: Bots, telegram: Stub) -> None:
    created = door.make(metadata={"colour": "blue"})
    calls = len(telegram.requests)
    changed = door.call("PATCH", f"/{created['id']}", {"name": "Sales"})
    assert (changed["name"], changed["metadata"]) == ("Sales", {"colour": "blue"})
    assert len(telegram.requests) == calls


def test_metadata_is_replaced_and_the_name_stays(door: Bots) -> None:
    created = door.make(metadata={"colour": "blue"})
    changed = door.call("PATCH", f"/{created['id']}", {"metadata": {"size": 3}})
    assert (changed["name"], changed["metadata"]) == ("Support", {"size": 3})


def test_secrets_of_channels_without_an_adapter_are_kept_apart_too(door: Bots, deps: Deps) -> None:
    config = {"signingSecret": "very-secret-1", "team": "T1", "smtp": {"password": "very-secret-2"}}
    created = door.make(type="SLACK", config=config)
    assert created["config"]["team"] == "T1"
    assert created["config"]["signingSecret"] == "••••"
    assert created["config"]["smtp"].startswith("••••")
    for path in deps.settings.data_dir.rglob("*"):
        assert not path.is_file() or b"very-secret" not in path.read_bytes()


def test_a_channel_without_its_token_waits_for_it(door: Bots, telegram: Stub) -> None:
    created = door.make(config=None)
    assert created["status"] == "DISCONNECTED"
    assert "botToken" in created["statusDetail"]
    assert telegram.requests == []
    changed = door.call("PATCH", f"/{created['id']}", {"config": {"botToken": TOKEN}})
    assert (changed["status"], changed["statusDetail"]) == ("CONNECTED", None)


@pytest.mark.parametrize("word", ["telegram-bot", "Telegram_Bot", "TELEGRAM_BOT"])
def test_a_type_may_be_written_in_any_way(door: Bots, word: str) -> None:
    assert door.make(type=word)["type"] == "TELEGRAM_BOT"


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "PIGEON"},
        {"name": ""},
        {"config": "text"},
        {"config": {"botToken": TOKEN, "parseMode": "shouting"}},
        {"adapter": "whatsapp_evolution"},
        {"type": "WHATSAPP", "config": {"evolutionUrl": "nonsense"}},
    ],
    ids=str,
)
def test_bad_input_is_400(door: Bots, wrong: dict[str, Any]) -> None:
    body = {"name": "Support", "type": "TELEGRAM_BOT", "config": {"botToken": TOKEN}} | wrong
    answer = door.call("POST", "", body, 400)
    assert isinstance(answer["detail"], str)
    assert TOKEN not in answer["detail"]
    assert door.call("GET") == []


def test_an_account_belongs_to_the_channel_whose_token_proves_it(door: Bots, deps: Deps, provider: Stub) -> None:
    squatter = Bots(door.client, key_for(deps, "squatter"))
    page = {"name": "Page", "type": "FACEBOOK", "externalId": "682498302938465"}
    claimed = squatter.call("POST", "", page, 201)
    assert (claimed["status"], find(deps, address=("facebook", "682498302938465"))) == ("DISCONNECTED", None)
    provider.on("GET", "/me", Reply(json={"id": "682498302938465", "name": "Shop"}))
    provider.on("POST", "/subscribed_apps", Reply(json={"success": True}))
    owned = door.call("POST", "", page | {"config": {"pageAccessToken": "EAAB"}}, 201)
    assert door.call("GET", f"/{owned['id']}")["status"] == "CONNECTED"
    instance = find(deps, address=("facebook", "682498302938465"))
    assert instance is not None
    assert instance.id == owned["id"]
    squatter.call("POST", "", page, 409)
    squatter.call("DELETE", f"/{claimed['id']}")
    assert find(deps, address=("facebook", "682498302938465")) == instance
    other = Bots(door.client, key_for(deps, "other"))
    other.call("POST", "", page | {"externalId": "1"}, 201)
    assert find(deps, address=("facebook", "1")) is None
    changes = {"externalId": "682498302938465"}
    refused = other.call("PATCH", f"/{other.call('GET')[0]['id']}", changes, 409)
    assert refused["detail"].startswith("externalId: ")
    door.call("PATCH", f"/{owned['id']}", {"externalId": None})
    assert find(deps, address=("facebook", "682498302938465")) is None


@pytest.mark.parametrize("called", ["id", "name", "slug", "seq"])
def test_a_channel_answers_to_each_of_its_names(telegram: Stub, deps: Deps, called: str) -> None:
    door = Bots(create_app(deps, blueprints()).test_client(), key_for(deps, "acme"))
    door.make()
    created = door.make(name="Other", config={"botToken": f"8{TOKEN}"})
    instance = find(deps, instance_id=created["id"])
    assert instance is not None
    key = str(getattr(instance, called))
    stranger = Bots(door.client, key_for(deps, "stranger"))
    assert door.call("GET", f"/{key}")["id"] == created["id"]
    stranger.call("GET", f"/{key}", status=404)
    assert door.client.get(f"/api/v1/instances/{key}", headers=door.headers).json["name"] == instance.name  # type: ignore[index]
    path = f"/channels/telegram_bot/status?channel_id={key}"
    assert door.client.get(path, headers=door.headers).status_code == 200
    assert door.client.get(path, headers=stranger.headers).status_code == 404
    body = {"channelInstanceId": key, "externalUserId": "5", "text": "hello"}
    assert door.client.post("/api/messages/send", json=body, headers=door.headers).status_code == 202
    assert door.client.post("/api/messages/send", json=body, headers=stranger.headers).status_code == 404


def test_a_second_channel_for_the_same_bot_says_so(door: Bots) -> None:
    door.make()
    assert "already connected" in door.make()["webhook"]["error"]


@pytest.mark.parametrize("name", ["a\r\nSet-Cookie: x", "a\x1b[31m", "a\u2028b", "\u202egnp.exe"])
def test_a_name_that_does_not_show_what_it_is_is_refused(door: Bots, name: str) -> None:
    created = door.make(name="Ann's 👩‍💻 shop, עברית")
    for call in (("POST", "", {"name": name, "type": "WIDGET"}), ("PATCH", f"/{created['id']}", {"name": name})):
        assert list(door.call(*call, 400)["fields"]) == ["name"]


def test_names_need_not_differ(door: Bots) -> None:
    bodies = [{"name": "Support", "type": "SLACK"}] * 3
    created = [door.call("POST", "", body, 201) for body in bodies]
    assert len({channel["id"] for channel in created}) == 3
    assert [channel["name"] for channel in door.call("GET")] == ["Support"] * 3


def test_the_list_is_a_bare_array_in_pages(door: Bots) -> None:
    for label in "abc":
        door.call("POST", "", {"name": label, "type": "SLACK"}, 201)
    answer = door.client.get(f"{PATH}?limit=2", headers=door.headers)
    first: Any = answer.json
    assert [channel["name"] for channel in first] == ["a", "b"]
    rest = door.client.get(PATH, query_string={"cursor": answer.headers["X-Next-Cursor"]}, headers=door.headers)
    assert [channel["name"] for channel in rest.json] == ["c"]  # type: ignore[union-attr]
    assert "X-Next-Cursor" not in rest.headers


def test_another_tenants_channels_are_not_there(door: Bots, deps: Deps) -> None:
    created = door.make()
    other = Bots(door.client, key_for(deps, "other"))
    assert other.call("GET") == []
    for method in ("GET", "PATCH", "DELETE"):
        other.call(method, f"/{created['id']}", {}, 404)
    assert door.call("GET", f"/{created['id']}")["id"] == created["id"]


def test_the_last_channel_can_be_deleted_here(door: Bots, deps: Deps) -> None:
    created = door.make()
    assert door.call("DELETE", f"/{created['id']}") == {"ok": True}
    assert door.call("GET") == []
    assert deps.secrets.read(f"instance-{created['id']}") == {}
    assert door.make()["externalId"] == "123456"


def test_an_external_id_of_another_account_than_the_tokens_is_refused(door: Bots, telegram: Stub) -> None:
    body = {"name": "Support", "type": "TELEGRAM_BOT", "config": {"botToken": "123456:secret"}}
    refused = door.call("POST", "", body | {"externalId": "654321"}, 400)
    assert refused["detail"] == "externalId: must be 123456: the credentials are for that account"
    assert telegram.requests == []
    created = door.call("POST", "", body | {"externalId": "123456"}, 201)
    door.call("PATCH", f"/{created['id']}", {"externalId": "654321"}, 400)
    assert door.call("GET", f"/{created['id']}")["externalId"] == "123456"


def test_being_the_default_moves(door: Bots) -> None:
    first = door.call("POST", "", {"name": "a", "type": "SLACK"}, 201)
    second = door.call("POST", "", {"name": "b", "type": "SLACK"}, 201)
    assert (first["isDefault"], second["isDefault"]) == (True, False)
    door.call("PATCH", f"/{second['id']}", {"isDefault": True})
    assert [channel["isDefault"] for channel in door.call("GET")] == [False, True]


@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
def test_only_admins_change_channels(door: Bots, deps: Deps, role: Role) -> None:
    created = door.make()
    lower = Bots(door.client, key_for(deps, "acme", role))
    assert lower.call("GET", f"/{created['id']}")["id"] == created["id"]
    lower.call("POST", "", {"name": "a", "type": "SLACK"}, 403)
    lower.call("PATCH", f"/{created['id']}", {}, 403)
    lower.call("DELETE", f"/{created['id']}", {}, 403)


def test_nobody_gets_in_without_a_credential(door: Bots) -> None:
    assert door.client.get(PATH).status_code == 401
