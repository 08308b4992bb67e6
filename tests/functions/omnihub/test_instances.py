"""Instances through Omni-Hub's door."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr

from functions.omnihub.main import blueprints
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.instances import ChannelType
from shared.usecases.instances.instance_lookup import get_default
from tests.apps import create_app
from tests.functions.keys import key_for
from tests.functions.omnihub.door import PATH, create
from tests.stubs import Reply, Stub


def test_all_channels_are_listed_when_asked_for(client: FlaskClient) -> None:
    listed: Any = client.get(f"{PATH}/supported-channels?include=all").json
    assert listed["total_channels"] == len(listed["supported_channels"])
    assert set(listed["supported_channels"]) == {channel_type.value for channel_type in ChannelType}


@pytest.mark.parametrize("name", ["supported-channels", "discover", "default", "Default"])
def test_a_name_that_a_route_uses_is_refused(client: FlaskClient, new: dict[str, Any], name: str) -> None:
    assert client.post(PATH, json=new | {"name": name}).status_code == 400


@pytest.mark.parametrize("missing", ["agent_api_url", "agent_api_key", "default_agent"])
def test_what_an_instance_needs_must_be_given(client: FlaskClient, new: dict[str, Any], missing: str) -> None:
    body = {name: value for name, value in new.items() if name != missing} | {"name": "a"}
    answer: Any = client.post(PATH, json=body)
    assert answer.status_code == 400
    assert isinstance(answer.json["detail"], str)
    assert missing in answer.json["fields"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "a" * 65},
        {"channel_type": "fax"},
        {"phone_number": "hello"},
        {"phone_number": "+12"},
        {"phone_number": "+12345678901234567"},
        {"agent_timeout": 0},
        {"agent_timeout": 601},
        {"agent_timeout": "soon"},
        {"integration": "PIGEON"},
        {"evolution_url": "ftp://localhost"},
        {"evolution_url": "http://metadata.google.internal/"},
        {"agent_api_url": "file:///etc/passwd"},
        {"agent_api_url": "http://user:pass@localhost"},
    ],
    ids=str,
)
def test_bad_input_is_400_with_a_text(client: FlaskClient, new: dict[str, Any], wrong: dict[str, Any]) -> None:
    answer: Any = client.post(PATH, json=new | {"name": "a"} | wrong)
    assert answer.status_code == 400, answer.text
    assert isinstance(answer.json["detail"], str)
    assert client.get(PATH).json == []


@pytest.mark.parametrize("number", ["+5511999999999", "5511999999999", "55 (11) 99999-9999"])
def test_a_number_may_come_without_its_plus_sign(
    client: FlaskClient, deps: Deps, new: dict[str, Any], number: str
) -> None:
    create(client, new, "shop", phone_number=number)
    assert get_default(deps, "default").phone_number == "+5511999999999"


@pytest.mark.parametrize("field", ["evolution_url", "agent_api_url"])
def test_a_refused_address_names_its_field(client: FlaskClient, new: dict[str, Any], field: str) -> None:
    create(client, new, "shop")
    for refused in (
        client.post(PATH, json=new | {"name": "a", field: "localhost:8080"}),
        client.put(f"{PATH}/shop", json={field: "localhost:8080"}),
    ):
        answer: Any = refused.json
        assert (refused.status_code, list(answer["fields"])) == (400, [field])
        assert answer["detail"].startswith(f"{field}: the address must begin with http:// or https://")


def test_the_default_is_given_up_only_to_another_one(client: FlaskClient, new: dict[str, Any]) -> None:
    create(client, new, "first")
    alone = client.put(f"{PATH}/first", json={"is_default": False})
    assert (alone.status_code, alone.json["is_default"]) == (200, True)  # type: ignore[index]
    create(client, new, "second")
    refused: Any = client.put(f"{PATH}/first", json={"is_default": False})
    assert (refused.status_code, refused.json["detail"]) == (400, "is_default: make another one the default instead")
    for name, is_default in (("first", True), ("second", False)):
        assert client.put(f"{PATH}/{name}", json={"is_default": is_default}).json["is_default"] is is_default  # type: ignore[index]


def test_a_name_can_be_taken_only_once_in_the_whole_deployment(
    client: FlaskClient, deps: Deps, new: dict[str, Any]
) -> None:
    create(client, new, "shop")
    assert client.post(PATH, json=new | {"name": "shop"}).status_code == 400
    elsewhere = client.post(PATH, json=new | {"name": "shop"}, headers=key_for(deps, "other"))
    assert elsewhere.status_code == 400
    assert len(client.get(PATH).json) == 1  # type: ignore[arg-type]


def test_other_channels_have_nothing_of_evolution(client: FlaskClient, new: dict[str, Any]) -> None:
    created = create(client, new, "team", channel_type="SLACK")
    assert created["channel_type"] == "slack"
    assert [created[name] for name in ("evolution_url", "evolution_key", "whatsapp_instance")] == [None] * 3
    assert created["agent_api_key"] == "agent-key-5678"


def test_an_unreachable_evolution_does_not_fail_the_creation(
    client: FlaskClient, evolution: Stub, new: dict[str, Any], deps: Deps
) -> None:
    evolution.on("GET", "/instance/connectionState/", Reply(500, {"error": "down"}))
    create(client, new, "shop")
    [document] = deps.store.find("instances").documents
    assert document.data["status"] == "error"
    assert document.data["webhook"]["error"]


def test_omitted_fields_keep_their_values(client: FlaskClient, new: dict[str, Any]) -> None:
    before = create(client, new, "shop", agent_timeout=30)
    after: Any = client.put(f"{PATH}/shop", json={"default_agent": "sales"}).json
    assert after | {"updated_at": None} == before | {"default_agent": "sales", "updated_at": None}


def test_an_update_moves_updated_at(client: FlaskClient, deps: Deps, new: dict[str, Any]) -> None:
    created = create(client, new, "shop")
    later = replace(deps, now=lambda: datetime.now(UTC) + timedelta(hours=1))
    after: Any = create_app(later, blueprints()).test_client().put(f"{PATH}/shop", json={"agent_timeout": 61}).json
    assert after["updated_at"] > created["updated_at"]
    assert after["created_at"] == created["created_at"]


def test_null_clears_what_belongs_to_evolution(client: FlaskClient, new: dict[str, Any]) -> None:
    create(client, new, "shop")
    after: Any = client.put(f"{PATH}/shop", json={"evolution_key": None, "evolution_url": ""}).json
    assert (after["evolution_key"], after["evolution_url"]) == (None, None)
    assert after["agent_api_key"] == "agent-key-5678"


def test_a_deleted_instance_is_gone_and_its_name_free(client: FlaskClient, new: dict[str, Any]) -> None:
    create(client, new, "shop")
    create(client, new, "other")
    answer = client.delete(f"{PATH}/shop")
    assert (answer.status_code, answer.data) == (204, b"")
    assert client.get(f"{PATH}/shop").status_code == 404
    create(client, new, "shop")


def test_the_last_instance_cannot_be_deleted(client: FlaskClient, new: dict[str, Any]) -> None:
    create(client, new, "shop")
    answer: Any = client.delete(f"{PATH}/shop")
    assert answer.status_code == 400
    assert answer.json["detail"] == "Cannot delete the only remaining instance"


def test_deleting_the_default_makes_the_oldest_other_one_the_default(client: FlaskClient, new: dict[str, Any]) -> None:
    for name in ("first", "second", "third"):
        create(client, new, name)
    client.delete(f"{PATH}/first")
    assert client.get(f"{PATH}/x/default").json["name"] == "second"  # type: ignore[index]
    assert [one["is_default"] for one in client.get(PATH).json] == [True, False]  # type: ignore[union-attr]


def test_there_is_no_default_before_the_first_instance(client: FlaskClient) -> None:
    answer: Any = client.get(f"{PATH}/x/default")
    assert answer.status_code == 404
    assert isinstance(answer.json["detail"], str)


def test_twenty_parallel_creates_of_a_default_leave_exactly_one(client: FlaskClient, new: dict[str, Any]) -> None:
    app: Flask = client.application

    def post(number: int) -> int:
        body = new | {"name": f"shop-{number}", "is_default": True, "channel_type": "slack"}
        return app.test_client().post(PATH, json=body).status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(post, range(20))) == {201}
    listed: Any = client.get(PATH).json
    assert len({instance["id"] for instance in listed}) == 20
    [default] = [instance for instance in listed if instance["is_default"]]
    assert client.get(f"{PATH}/x/default").json == default


def test_parallel_creates_of_one_name_give_one_instance(client: FlaskClient, new: dict[str, Any]) -> None:
    app: Flask = client.application
    body = new | {"name": "shop", "channel_type": "slack"}
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: app.test_client().post(PATH, json=body).status_code, range(8)))
    assert sorted(statuses) == [201] + [400] * 7
    assert len(client.get(PATH).json) == 1  # type: ignore[arg-type]


def test_skip_and_limit_cut_the_list(client: FlaskClient, new: dict[str, Any]) -> None:
    for name in "abcde":
        create(client, new, name, channel_type="slack")

    def names(query: str) -> list[str]:
        listed: Any = client.get(f"{PATH}?{query}").json
        return [instance["name"] for instance in listed]

    assert names("skip=1&limit=2") == ["b", "c"]
    assert names("skip=4") == ["e"]
    assert names("skip=5") == []
    assert names("limit=5000") == list("abcde")


@pytest.mark.parametrize("query", ["skip=-1", "limit=0", "limit=x", "skip=99999999"])
def test_a_list_that_cannot_be_is_400(client: FlaskClient, query: str) -> None:
    assert client.get(f"{PATH}?{query}").status_code == 400


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/set-default")])
def test_unknown_and_foreign_names_look_the_same(
    client: FlaskClient, deps: Deps, new: dict[str, Any], method: str, path: str
) -> None:
    create(client, new, "mine")
    stranger = key_for(deps, "other")
    for name in ("mine", "nothing", "no such name!"):
        answer: Any = client.open(f"{PATH}/{name}{path}", method=method, json={}, headers=stranger)
        assert (answer.status_code, answer.json["detail"]) == (404, "Instance not found")


def test_lists_and_defaults_are_the_tenants_own(client: FlaskClient, deps: Deps, new: dict[str, Any]) -> None:
    create(client, new, "mine")
    stranger = key_for(deps, "other")
    assert client.get(PATH, headers=stranger).json == []
    client.post(PATH, json=new | {"name": "theirs"}, headers=stranger)
    assert client.get(f"{PATH}/mine/default", headers=stranger).json["name"] == "theirs"  # type: ignore[index]
    assert client.get(f"{PATH}/mine").json["is_default"] is True  # type: ignore[index]


@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
def test_only_admins_change_instances(client: FlaskClient, deps: Deps, new: dict[str, Any], role: Role) -> None:
    create(client, new, "shop")
    headers = key_for(deps, "default", role)
    assert client.get(f"{PATH}/shop", headers=headers).status_code == 200
    assert client.post(PATH, json=new | {"name": "b"}, headers=headers).status_code == 403
    assert client.put(f"{PATH}/shop", json={}, headers=headers).status_code == 403
    assert client.delete(f"{PATH}/shop", headers=headers).status_code == 403


def test_a_wrong_key_is_401_where_there_is_a_right_one(client: FlaskClient, deps: Deps) -> None:
    headers = {"Authorization": "Bearer your_api_key"}
    assert client.get(PATH, headers=headers).status_code == 200
    settings = deps.settings.model_copy(update={"api_key": SecretStr("the-right-one")})
    closed = create_app(replace(deps, settings=settings), blueprints()).test_client()
    answer: Any = closed.get(PATH, headers=headers)
    assert (answer.status_code, answer.json["detail"]) == (401, "Invalid or missing API key")


@pytest.mark.parametrize("kind", ["slug", "number"])
def test_a_name_that_is_gone_never_means_another_instance(client: FlaskClient, new: dict[str, Any], kind: str) -> None:
    remaining: Any = client.post(PATH, json=new | {"name": "kept"}).json
    name = "whatsapp-1" if kind == "slug" else str(remaining["id"])
    assert client.post(PATH, json=new | {"name": name}).status_code == 201
    assert client.delete(f"{PATH}/{name}").status_code == 204
    assert client.post(PATH, json=new | {"name": "third"}).status_code == 201
    assert client.get(f"{PATH}/{name}").json["name"] == "kept"  # type: ignore[index]
    assert client.delete(f"{PATH}/{name}").status_code == 404
    assert client.put(f"{PATH}/{name}", json={"agent_timeout": 5}).status_code == 404
    for operation in ("logout", "restart", "set-default"):
        assert client.post(f"{PATH}/{name}/{operation}").status_code == 404
    assert client.delete(f"{PATH}/{name}/channel").status_code == 404
    assert client.get(f"{PATH}/kept").json["agent_timeout"] != 5  # type: ignore[index]
