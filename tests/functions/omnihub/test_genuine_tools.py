"""What the published tools for Omni servers ask for and cannot do without, in the words of their own models."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel, TypeAdapter

from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.instances import InstanceStatus
from shared.ports.store import Create, Ref
from tests.documents import an_instance
from tests.evolution import Evolution
from tests.functions.keys import key_for
from tests.functions.omnihub.door import PATH, create
from tests.stubs import Stub


class ToolInstance(BaseModel):
    """Both tools' model of a row: one other channel type fails the whole list."""

    name: str
    channel_type: Literal["whatsapp", "slack", "discord"]
    id: int | None = None
    is_active: bool = True
    phone_number: str | None = None
    evolution_status: dict[str, Any] | None = None


class ToolQRCode(BaseModel):
    """Both tools' model of a code to scan."""

    instance_name: str
    connection_type: str
    status: str
    qr_code: str | None = None
    qr_url: str | None = None


class ForgeChannel(BaseModel):
    """What Forge's server needs of every channel, beside what the later server promises."""

    instance_name: str
    channel_type: str
    display_name: str
    status: str
    is_healthy: bool
    supports_contacts: bool
    supports_groups: bool
    supports_media: bool
    supports_voice: bool


@pytest.fixture
def every_type(client: FlaskClient, new: dict[str, Any]) -> None:
    """A tenant with channels that the document knows, and others between them."""
    for name, channel_type in (
        ("bot", "telegram_bot"),
        ("shop", "whatsapp"),
        ("page", "widget"),
        ("team", "slack"),
        ("guild", "discord"),
    ):
        create(client, new, name, channel_type=channel_type)


@pytest.mark.usefixtures("every_type")
@pytest.mark.parametrize("include_status", ["true", "false", "True"])
def test_a_tool_that_lists_instances_meets_only_types_that_it_knows(client: FlaskClient, include_status: str) -> None:
    listed = client.get(f"{PATH}?skip=0&limit=100&include_status={include_status}").json
    rows = TypeAdapter(list[ToolInstance]).validate_python(listed)
    assert [row.name for row in rows] == ["shop", "team", "guild"]
    assert {row.is_active for row in rows} == {False}


@pytest.mark.usefixtures("every_type")
def test_a_tool_that_pages_skips_only_what_it_can_see(client: FlaskClient) -> None:
    pages: list[Any] = [client.get(f"{PATH}?skip={skip}&limit=2&include_status=false").json for skip in (0, 2, 4)]
    assert [[row["name"] for row in page] for page in pages] == [["shop", "team"], ["guild"], []]


@pytest.mark.usefixtures("every_type")
def test_every_type_is_listed_for_who_asks_for_all_or_knows_nothing_of_states(client: FlaskClient) -> None:
    for query in ("", "?include_status=true&include=all"):
        listed: Any = client.get(f"{PATH}{query}").json
        assert [row["name"] for row in listed] == ["bot", "shop", "page", "team", "guild"]


def _store(deps: Deps, adapter: str = "whatsapp_evolution", **fields: Any) -> None:
    instance = an_instance(adapter, tenant_id="default", **fields)
    deps.store.commit([Create(Ref("instances", instance.id), instance.model_dump())])


@pytest.mark.parametrize(
    ("status", "state", "is_active"),
    [
        (InstanceStatus.CONNECTED, "open", True),
        (InstanceStatus.WAITING_FOR_SCAN, "connecting", False),
        (InstanceStatus.CONNECTING, "connecting", False),
        (InstanceStatus.DISCONNECTED, "close", False),
        (InstanceStatus.ERROR, "close", False),
    ],
)
def test_a_tool_that_shows_connections_reads_how_an_account_stands(
    client: FlaskClient, deps: Deps, status: InstanceStatus, state: str, is_active: bool
) -> None:
    _store(deps, status=status, phone_number="+5511988887777", display_name="The Shop")
    (listed,) = TypeAdapter(list[ToolInstance]).validate_python(client.get(f"{PATH}?include_status=true").json)
    read = ToolInstance.model_validate(client.get(f"{PATH}/i1?include_status=true").json)
    assert listed == read
    assert (read.is_active, read.phone_number) == (is_active, "+5511988887777")
    assert read.evolution_status is not None
    assert read.evolution_status["state"] == state
    assert read.evolution_status["owner_jid"] == "5511988887777@s.whatsapp.net"
    assert read.evolution_status["profile_name"] == "The Shop"


def test_a_tool_that_does_not_want_the_state_gets_none(client: FlaskClient, deps: Deps) -> None:
    _store(deps, status=InstanceStatus.CONNECTED)
    row: Any = client.get(f"{PATH}/i1?include_status=false").json
    assert (row["is_active"], row["evolution_status"]) == (True, None)
    assert "is_active" not in client.get(f"{PATH}/i1").json  # type: ignore[operator]


def test_a_tool_may_send_back_all_that_it_has_read(client: FlaskClient, new: dict[str, Any]) -> None:
    create(client, new, "shop")
    row: Any = client.get(f"{PATH}/shop?include_status=true").json
    answer = client.put(f"{PATH}/shop", json=row | {"agent_timeout": 90})
    assert answer.status_code == 200, answer.text
    assert answer.json["agent_timeout"] == 90  # type: ignore[index]


@pytest.mark.usefixtures("every_type")
@pytest.mark.parametrize("name", ["bot", "page", "team", "guild"])
def test_a_tool_that_wants_a_code_learns_how_else_a_channel_is_connected(client: FlaskClient, name: str) -> None:
    answer = client.get(f"{PATH}/{name}/qr")
    assert ToolQRCode.model_validate(answer.json).connection_type in ("oauth", "invite", "none")


@pytest.mark.usefixtures("every_type")
def test_forges_server_lists_channels_at_the_address_with_a_slash(client: FlaskClient, deps: Deps) -> None:
    _store(deps, id="i9", name="live", seq=90, status=InstanceStatus.CONNECTED, phone_number="+5511988887777")
    listed: Any = client.get(f"{PATH}/").json
    channels = {
        each.instance_name: each for each in TypeAdapter(list[ForgeChannel]).validate_python(listed["channels"])
    }
    assert list(channels) == ["bot", "shop", "page", "team", "guild", "live"]
    assert (listed["total_count"], listed["healthy_count"], listed["partial_errors"]) == (6, 2, [])
    healthy = {name for name, channel in channels.items() if channel.is_healthy}
    assert healthy == {"live", "page"}
    assert channels["shop"].supports_voice
    assert not channels["page"].supports_groups


@pytest.mark.usefixtures("every_type")
def test_a_server_that_is_told_to_look_for_instances_tells_those_that_it_has(client: FlaskClient, deps: Deps) -> None:
    discovered: Any = client.post(f"{PATH}/discover", headers=key_for(deps, "default", Role.VIEWER, ["read"])).json
    assert discovered["total_discovered"] == len(discovered["instances"]) == 5
    bot, *_, guild = discovered["instances"]
    assert (bot["name"], bot["configured"], bot["active"]) == ("bot", False, False)
    assert guild["channel_type"] == "discord"


def test_an_account_is_connected_and_disconnected_in_a_sentence(
    client: FlaskClient, new: dict[str, Any], provider: Stub
) -> None:
    server = Evolution(provider)
    server.state = "open"
    create(client, new | {"whatsapp_instance": "acme-support"}, "shop")
    answers: list[Any] = [
        client.post(f"{PATH}/shop/{operation}").json for operation in ("connect", "disconnect", "connect")
    ]
    states = [answer["message"].partition(":")[0] for answer in answers]
    assert states == [f"Instance shop is {state}" for state in ("connected", "disconnected", "connecting")]


@pytest.mark.parametrize(("operation", "role"), [("connect", Role.AGENT), ("disconnect", Role.AGENT)])
def test_only_an_admin_connects(
    client: FlaskClient, deps: Deps, new: dict[str, Any], operation: str, role: Role
) -> None:
    create(client, new, "shop")
    assert client.post(f"{PATH}/shop/{operation}", headers=key_for(deps, "default", role)).status_code == 403
    assert client.post(f"{PATH}/shop/{operation}", headers=key_for(deps, "other")).status_code == 404


def test_who_asks_for_the_other_page_of_the_description_is_led_to_the_one_there_is(client: FlaskClient) -> None:
    assert client.get("/api/v1/redoc", follow_redirects=True).status_code == 200


@pytest.mark.usefixtures("every_type")
def test_channels_of_one_type_are_listed_alone(client: FlaskClient) -> None:
    for word in ("telegram_bot", "TELEGRAM-BOT"):
        listed: Any = client.get(f"{PATH}/?channel_type={word}").json
        assert [channel["instance_name"] for channel in listed["channels"]] == ["bot"]
    assert client.get(f"{PATH}/?channel_type=fax").status_code == 400


def test_an_instance_is_still_made_at_the_address_with_a_slash(client: FlaskClient, new: dict[str, Any]) -> None:
    assert client.post(f"{PATH}/", json=new | {"name": "shop"}).status_code == 201
