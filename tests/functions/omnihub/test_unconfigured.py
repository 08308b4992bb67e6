"""What can be done with an instance that has not been told what its provider wants."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.omnihub.main import blueprints
from shared import channels
from shared.deps import Deps
from shared.domain.instances import ChannelType, InstanceStatus
from shared.ports.store import Create
from shared.usecases.instances.instance_lookup import get_default
from tests import refs
from tests.apps import create_app
from tests.channels.example import example
from tests.documents import an_instance
from tests.functions.omnihub.door import PATH
from tests.stubs import Stub

AGENT = {"agent_api_url": "http://localhost:3000", "agent_api_key": "agent-key-5678", "default_agent": "support"}
NEEDS = {
    channel_type: lacking
    for channel_type in ChannelType
    if (lacking := example(channels.default_adapter(channel_type)).needs)
}
"""What an instance of each type lacks of which nothing is known."""


def test_every_type_that_needs_something_is_tried_here() -> None:
    missing = set(ChannelType) - set(NEEDS) - {ChannelType.WIDGET}
    assert not missing, "give EXAMPLE in tests/channels/<name>/example.py its needs"


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    settings = deps.settings.model_copy(update={"evolution_url": None})
    return create_app(replace(deps, settings=settings), blueprints()).test_client()


@pytest.fixture(params=NEEDS)
def channel_type(request: pytest.FixtureRequest) -> ChannelType:
    return ChannelType(request.param)


@pytest.fixture
def path(client: FlaskClient, channel_type: ChannelType) -> str:
    """The path of an instance of which nothing is known but its type."""
    body: dict[str, Any] = AGENT | {"name": "bare", "channel_type": channel_type.value}
    if channel_type is ChannelType.WHATSAPP:
        # Without a server a socket of our own would be meant, which needs nothing.
        body["config"] = {"provider": "evolution"}
    answer = client.post(PATH, json=body)
    assert answer.status_code == 201, answer.text
    return f"{PATH}/bare"


def test_it_is_logged_out_and_removed_by_marking_it(client: FlaskClient, deps: Deps, path: str, provider: Stub) -> None:
    disconnected, deleted = InstanceStatus.DISCONNECTED, InstanceStatus.DELETED
    for method, operation, marked in (
        ("POST", "logout", disconnected),
        ("POST", "logout", disconnected),
        ("DELETE", "channel", deleted),
        ("DELETE", "channel", deleted),
    ):
        answer = client.open(f"{path}/{operation}", method=method)
        assert answer.status_code == 200, answer.text
        assert get_default(deps, "default").status is marked
        status: Any = client.get(f"{path}/status")
        assert status.status_code == 200, status.text
        assert status.json["status"] in ("disconnected", "error")
    assert provider.requests == []


@pytest.mark.parametrize("marked", [False, True], ids=["as it was made", "after a logout"])
def test_it_cannot_be_restarted_and_the_answer_says_what_is_missing(
    client: FlaskClient, path: str, channel_type: ChannelType, marked: bool
) -> None:
    if marked:
        client.post(f"{path}/logout")
    refused: Any = client.post(f"{path}/restart")
    assert refused.status_code == 400, refused.text
    assert NEEDS[channel_type] in refused.json["detail"]


def test_there_is_no_code_to_scan_while_nobody_knows_evolutions_address(client: FlaskClient, provider: Stub) -> None:
    client.post(PATH, json=AGENT | {"name": "bare", "config": {"provider": "evolution"}})
    refused: Any = client.get(f"{PATH}/bare/qr")
    assert (refused.status_code, refused.json["detail"]) == (400, "evolution: evolution_url is not set")


@pytest.mark.parametrize(("method", "operation"), [("POST", "logout"), ("DELETE", "channel")])
def test_what_no_adapter_serves_any_more_can_still_be_logged_out_and_removed(
    client: FlaskClient, deps: Deps, method: str, operation: str
) -> None:
    left = an_instance("slack", tenant_id="default", adapter="imagined", status=InstanceStatus.CONNECTED)
    deps.store.commit([Create(refs.instance(left.id), left.model_dump())])
    assert client.get(f"{PATH}/{left.id}/status").status_code == 200
    answer = client.open(f"{PATH}/{left.id}/{operation}", method=method)
    assert answer.status_code == 200, answer.text
