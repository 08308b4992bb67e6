"""From Discord's call, or its gateway, to the answer in Discord, through the whole hub."""

from __future__ import annotations

import json
import time
from itertools import count
from typing import Any
from urllib.parse import unquote

import pytest
from werkzeug.test import TestResponse

from shared.config import Settings
from shared.domain.messages import Direction
from shared.usecases.ingest import webhooks
from shared.usecases.instances import instances
from tests.channels.discord.test_inbound import KEY, PUBLIC, fixture
from tests.eventually import eventually
from tests.pipeline.hub import Hub
from tests.stubs import Received, Reply, Stub

APPLICATION = {"id": "775799577604522054", "name": "Helper", "verify_key": PUBLIC, "bot": {"username": "helper"}}
CHANNEL, DIRECT = "645027906669510667", "645027906669510700"


def discord_rules(provider: Stub) -> None:
    """Play a Discord that accepts everything."""
    numbers, waiting = count(1308922333333333333), [True]

    def message_created(request: Received) -> Reply:
        channel = request.path.split("/")[2] if request.path.startswith("/channels/") else CHANNEL
        return Reply(json={"id": str(next(numbers)), "channel_id": channel})

    def original(request: Received) -> Reply:
        return Reply(json={"id": "5", "channel_id": CHANNEL, "flags": 128 if waiting[0] else 0})

    def filled(request: Received) -> Reply:
        waiting[0] = False
        return message_created(request)

    provider.on("GET", "/applications/@me$", Reply(json=APPLICATION))
    provider.on("POST", r"/channels/\d+/messages$", message_created)
    provider.on("POST", "/webhooks/", message_created)
    provider.on("GET", "/webhooks/.*/messages/@original$", original)
    provider.on("PATCH", "/webhooks/.*/messages/@original$", filled)


@pytest.fixture
def hub(hub: Hub) -> Hub:
    discord_rules(hub.provider)
    return hub


@pytest.fixture
def server(hub: Hub) -> Any:
    """A Discord channel, connected by its bot token; connecting finds the public key."""
    config = {"botToken": "MTk4.secret"}
    return hub.post("/api/channels", {"name": "Server", "type": "DISCORD", "config": config}, 201)


def now_id() -> str:
    """An id that Discord would assign now."""
    return str((time.time_ns() // 1_000_000 - 1_420_070_400_000) << 22)


def call(hub: Hub, server: Any, body: dict[str, Any]) -> TestResponse:
    raw, sent = json.dumps(body).encode(), str(int(time.time()))
    proof = {"X-Signature-Timestamp": sent, "X-Signature-Ed25519": KEY.sign(sent.encode() + raw).hex()}
    answer = hub.client.post(
        f"/webhook/discord/{server['id']}", data=raw, content_type="application/json", headers=proof
    )
    assert answer.status_code == 200, answer.text
    return answer


def gateway(hub: Hub, server: Any, name: str) -> None:
    instance = instances.by_id(hub.deps, hub.tenant_id, server["id"])
    webhooks.take_update(hub.deps, instance, fixture(name))


def written_messages(hub: Hub) -> list[tuple[str, str, str]]:
    """The messages that Discord received: method, path and text."""
    sent = [request for request in hub.provider.requests if request.method in ("POST", "PATCH")]
    return [(each.method, unquote(each.path), each.json["content"]) for each in sent]


def inbound(hub: Hub) -> list[str | None]:
    return [message.text for message in hub.messages(Direction.INBOUND)]


def test_a_command_is_promised_an_answer_and_gets_it(hub: Hub, server: Any) -> None:
    hub.echo_agent()
    assert hub.get(f"/api/channels/{server['id']}")["status"] == "CONNECTED"
    command = fixture("command__in-channel") | {"id": now_id()}
    assert call(hub, server, command).json == {"type": 5}
    hub.provider.wait_for("/messages/@original", 2)
    assert eventually(hub.idle)
    path = "/webhooks/775799577604522054/A_UNIQUE_TOKEN/messages/@original"
    assert written_messages(hub) == [("PATCH", path, "Echo: Where is my order? 4711")]
    assert hub.conversation().customer_name == "Ann (EU)"


def test_the_token_of_an_interaction_lies_nowhere_in_clear(hub: Hub, server: Any, settings: Settings) -> None:
    hub.echo_agent()
    call(hub, server, fixture("command__in-channel") | {"id": now_id()})
    hub.provider.wait_for("/messages/@original", 2)
    assert eventually(hub.idle)
    files = [path.read_bytes() for path in settings.data_dir.rglob("*") if path.is_file()]
    assert any(b"Where is my order? 4711" in content for content in files)
    assert not any(b"A_UNIQUE_TOKEN" in content for content in files)


def test_the_same_interaction_twice_is_one_message(hub: Hub, server: Any) -> None:
    command = fixture("command__in-channel") | {"id": now_id()}
    for _ in range(2):
        call(hub, server, command)
    call(hub, server, fixture("component__button") | {"id": str(int(command["id"]) + 1)})
    eventually(lambda: len(inbound(hub)) == 2)
    assert inbound(hub) == ["Where is my order? 4711", "Blue"]
    assert len(hub.conversations()) == 1


def test_an_agents_late_answer_is_an_ordinary_message(hub: Hub, server: Any) -> None:
    call(hub, server, fixture("command__in-channel"))
    conversation = eventually(hub.conversation)
    hub.post("/api/messages/send", {"conversationId": conversation.id, "text": "Tomorrow"}, 202)
    hub.provider.wait_for("/messages$")
    assert written_messages(hub) == [("POST", f"/channels/{CHANNEL}/messages", "Tomorrow")]


def test_an_answer_in_two_parts_fills_the_promise_and_follows_it(hub: Hub, server: Any) -> None:
    command = fixture("command__in-channel") | {"id": now_id()}
    call(hub, server, command)
    conversation = eventually(hub.conversation)
    for text in ("one", "two"):
        hub.post("/api/messages/send", {"conversationId": conversation.id, "text": text}, 202)
    eventually(lambda: len(written_messages(hub)) == 2)
    path = "/webhooks/775799577604522054/A_UNIQUE_TOKEN"
    assert written_messages(hub) == [("PATCH", f"{path}/messages/@original", "one"), ("POST", path, "two")]


def test_what_the_gateway_tells_is_answered_by_rest(hub: Hub, server: Any) -> None:
    hub.echo_agent()
    gateway(hub, server, "gateway_message__direct")
    hub.provider.wait_for("/messages$")
    assert eventually(hub.idle)
    assert written_messages(hub) == [("POST", f"/channels/{DIRECT}/messages", "Echo: Hi there")]


@pytest.mark.parametrize(
    ("groups", "name", "for_people"),
    [
        ("addressed", "gateway_message__mention", False),
        (False, "gateway_message__mention", True),
        (False, "gateway_message__direct", False),
    ],
)
def test_whether_machines_answer_in_a_server_is_the_channels_own_setting(
    hub: Hub, server: Any, groups: object, name: str, for_people: bool
) -> None:
    hub.patch(f"/api/channels/{server['id']}", {"config": {"groups": groups}})
    gateway(hub, server, name)
    [message] = eventually(lambda: hub.messages(Direction.INBOUND))
    assert message.for_people is for_people


def test_edits_reactions_and_deletions_of_the_gateway_reach_the_message(hub: Hub, server: Any) -> None:
    for name in ("message__own", "message__among-people", "delete__one-in-channel", "message__direct"):
        gateway(hub, server, f"gateway_{name}")
    gateway(hub, server, "gateway_update__edited")
    eventually(lambda: inbound(hub) == ["Hi there!"])
    assert len(hub.documents("messages")) == 1


def test_a_lost_answer_does_not_make_two_messages(hub: Hub, server: Any) -> None:
    gateway(hub, server, "gateway_message__direct")
    conversation = eventually(hub.conversation)
    hub.provider.on("POST", "/messages$", Reply(drop=True), times=1)
    hub.post("/api/messages/send", {"conversationId": conversation.id, "text": "hello"}, 202)
    first, second = hub.provider.wait_for("/messages$", 2)
    assert eventually(hub.idle)
    assert first.json == second.json
    assert hub.documents("outbox", status="SENT")


def test_the_address_is_tried_out_with_right_and_wrong_signatures(hub: Hub, server: Any) -> None:
    ping = fixture("interaction__ping")
    assert call(hub, server, ping).json == {"type": 1}
    forged = {"X-Signature-Timestamp": str(int(time.time())), "X-Signature-Ed25519": "00" * 64}
    for headers in (forged, {}):
        answer = hub.client.post(f"/webhook/discord/{server['id']}", json=ping, headers=headers)
        assert answer.status_code == 401


def test_a_refused_message_is_dead_with_discords_reason(hub: Hub, server: Any) -> None:
    gateway(hub, server, "gateway_message__direct")
    conversation = eventually(hub.conversation)
    refusal = Reply(403, {"message": "Cannot send messages to this user", "code": 50007})
    hub.provider.on("POST", "/messages$", refusal)
    hub.post("/api/messages/send", {"conversationId": conversation.id, "text": "hello"}, 202)
    eventually(lambda: hub.documents("outbox", status="DEAD"))
    assert "50007" in hub.documents("outbox", status="DEAD")[0]["error"]


def test_a_logged_out_instance_is_connected_again_by_restart(hub: Hub, server: Any) -> None:
    path = f"/api/v1/instances/{server['id']}"
    hub.post(f"{path}/logout", {})
    assert hub.get(f"{path}/status")["status"] == "disconnected"
    hub.post(f"{path}/restart", {})
    assert hub.get(f"{path}/status")["status"] == "connected"


def test_a_credential_is_tried_before_it_is_kept(hub: Hub) -> None:
    assert hub.post("/integrations/discord/test", {"api_key": "MTk4.other"})["success"]
    assert hub.provider.requests[-1].headers["authorization"] == "Bot MTk4.other"
    hub.post("/channels/discord/configure", {"api_key": "MTk4.other"})
    assert hub.get("/channels/discord/status")["status"] == "connected"
