"""Discord's bots held by lease: heard over the gateway, answered by REST, taken over and given up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any, TypeAlias

import pytest

from infra.sockets.sessions import Sessions
from shared.channels.discord.connection import DiscordConnections
from shared.deps import Deps
from shared.domain.events import Topic
from shared.ports.bus import Bus
from shared.ports.store import Merge, Ref
from tests.channels.discord.gateway_server import Gateway, gateway_server
from tests.channels.discord.test_conversation import DIRECT, discord_rules
from tests.channels.discord.test_inbound import fixture
from tests.eventually import eventually
from tests.infra.sessions.steps import Clock, Start, status_of
from tests.pipeline.hub import Hub
from tests.stubs import Reply, Stub

Hold: TypeAlias = Callable[..., tuple[Deps, Sessions]]
TOKEN = "MTk4.secret"


@pytest.fixture
def discord(provider: Stub) -> Iterator[Gateway]:
    discord_rules(provider)
    with gateway_server() as gateway:
        limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        provider.on("GET", "/gateway/bot$", Reply(json={"url": gateway.url, "session_start_limit": limit}))
        yield gateway


@pytest.fixture
def hold(start: Start, discord: Gateway) -> Hold:
    """Starts processes that hold bots."""
    return partial(start, channels={"discord": partial(DiscordConnections, unit=0.001)})


def bot(hub: Hub, token: str = TOKEN, **config: Any) -> str:
    """A channel whose bot listens; returns its id."""
    body = {"name": "Server", "type": "DISCORD", "config": {"botToken": token, "gateway": True} | config}
    return str(hub.post("/api/channels", body, 201)["id"])


def change(hub: Hub, channel: str, **config: Any) -> None:
    hub.patch(f"/api/channels/{channel}", {"config": config})


def say(discord: Gateway, name: str = "message__direct", **options: Any) -> None:
    event = fixture(f"gateway_{name}")
    discord.dispatch(event["t"], event["d"], **options)


def seq(hub: Hub, channel: str) -> str:
    """What is kept of how far the channel's dispatches were taken."""
    ref = Ref("channel_auth", channel)
    return str(hub.store.get([ref])[ref].data["position"])


def test_what_is_said_to_a_bot_becomes_a_message_and_is_answered_by_rest(
    hub: Hub, discord: Gateway, hold: Hold
) -> None:
    channel = bot(hub)
    hold()
    discord.introduced(1)
    say(discord)
    conversation = hub.conversation()
    assert conversation.instance_id == channel
    hub.post("/api/messages/send", {"conversationId": conversation.id, "text": "Hi"}, 202)
    (sent,) = hub.provider.wait_for(f"/channels/{DIRECT}/messages$")
    assert sent.json["content"] == "Hi"
    say(discord, "update__edited")
    eventually(lambda: hub.messages()[0].text == "Hi there!")


class CountingBus:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.inbound = 0

    def publish(self, topic: Topic, *args: Any, **options: Any) -> None:
        self.inbound += topic is Topic.INBOUND
        self._bus.publish(topic, *args, **options)


def test_what_people_say_among_themselves_is_not_even_published(hub: Hub, discord: Gateway, hold: Hold) -> None:
    bot(hub)
    bus = CountingBus(hub.deps.bus)
    hold(bus=bus)
    discord.introduced(1)
    for name in ("message__among-people", "message__own", "message__webhook", "message__direct"):
        say(discord, name)
    hub.conversation()
    assert bus.inbound == 1


def test_only_a_bot_whose_config_says_so_listens(hub: Hub, discord: Gateway, hold: Hold) -> None:
    channel = bot(hub, gateway=False)
    hold()
    assert hub.documents("channel_auth") == []
    change(hub, channel, gateway=True)
    discord.introduced(1)
    change(hub, channel, gateway=False)
    eventually(lambda: discord.closed_with == [4000])
    assert status_of(hub, channel) == "CONNECTED"
    assert len(discord.paths) == 1


def test_two_processes_do_not_both_listen(hub: Hub, discord: Gateway, hold: Hold) -> None:
    bot(hub)
    processes = [hold("one"), hold("two")]
    discord.introduced(1)
    eventually(lambda: len(discord.paths) == 1)
    for _, sessions in processes:
        sessions.stop()
    assert len(discord.sent(2)) + len(discord.sent(6)) == len(discord.paths) <= 2
    assert "discord" not in {thread.name for thread in threading.enumerate()}


def test_a_stopped_process_hands_its_bot_over_and_nothing_is_missed(hub: Hub, discord: Gateway, hold: Hold) -> None:
    channel = bot(hub)
    _, first = hold("first")
    discord.introduced(1)
    first.stop()
    assert '"seq": 1' in seq(hub, channel)
    say(discord, lost=True)
    hold("second")
    assert hub.conversation().instance_id == channel
    assert (len(discord.sent(2)), [sent["seq"] for sent in discord.sent(6)]) == (1, [1])


def test_after_a_crash_another_resumes_where_it_was_noted_and_nothing_comes_twice(
    hub: Hub, discord: Gateway, hold: Hold, clock: Clock
) -> None:
    channel = bot(hub)
    _, first = hold("first")
    discord.introduced(1)
    eventually(lambda: '"seq": 1' in seq(hub, channel))
    dead = {"lease_owner": "the-dead", "lease_expires_at": clock() + timedelta(seconds=60)}
    hub.store.commit([Merge(Ref("channel_auth", channel), dead)])
    eventually(lambda: discord.closed_with == [4000])
    first.stop()
    say(discord, lost=True)
    clock.ahead += timedelta(seconds=61)
    hold("second")
    discord.introduced(2)
    say(discord)
    hub.conversation()
    eventually(lambda: '"seq": 4' in seq(hub, channel))
    assert len(hub.messages()) == 1


def test_a_bot_that_discord_refuses_disconnects_the_channel_with_a_notification_until_it_is_mended(
    hub: Hub, discord: Gateway, hold: Hold
) -> None:
    discord.refusals.append(4014)
    channel = bot(hub)
    hold()
    eventually(lambda: status_of(hub, channel) == "DISCONNECTED")
    (notification,) = hub.documents("notifications", tenant_id=hub.tenant_id)
    assert "MESSAGE_CONTENT" in notification["message"]
    assert "MESSAGE_CONTENT" in str(hub.documents("instances", id=channel)[0]["status_detail"])
    assert len(discord.paths) == 1
    hub.post(f"/api/v1/instances/{channel}/restart", {})
    discord.introduced(1)
    eventually(lambda: status_of(hub, channel) == "CONNECTED")


def test_a_new_token_begins_a_new_session(hub: Hub, discord: Gateway, hold: Hold) -> None:
    channel = bot(hub)
    hold()
    discord.introduced(1)
    change(hub, channel, botToken="MTk4.other")
    discord.introduced(2)
    assert [sent["token"] for sent in discord.sent(2)] == [TOKEN, "MTk4.other"]


def test_a_change_of_something_else_leaves_the_connection_alone(hub: Hub, discord: Gateway, hold: Hold) -> None:
    channel = bot(hub)
    hold()
    discord.introduced(1)
    change(hub, channel, greeting="Hello")
    hub.post(f"/api/v1/instances/{channel}/restart", {})
    say(discord)
    hub.conversation()
    assert len(discord.paths) == 1


@pytest.mark.parametrize("how", ["logout", "delete", "no token"])
def test_a_bot_that_is_let_go_listens_no_more_and_leaves_nothing(
    hub: Hub, discord: Gateway, hold: Hold, how: str
) -> None:
    channel = bot(hub)
    (auth_document,) = hub.documents("channel_auth")
    hold()
    discord.introduced(1)
    if how == "logout":
        hub.post(f"/api/v1/instances/{channel}/logout", {})
    elif how == "delete":
        hub.client.delete(f"/api/channels/{channel}", headers=hub.headers)
    else:
        change(hub, channel, botToken=None)
    eventually(lambda: discord.closed_with == [4000])
    assert hub.documents("channel_auth") == []
    assert hub.deps.secrets.read(auth_document["secret"]) == {}
    assert hub.documents("notifications", tenant_id=hub.tenant_id) == []


def test_a_bot_of_another_channel_is_not_listened_to_twice(hub: Hub, discord: Gateway, hold: Hold) -> None:
    first, second = bot(hub), bot(hub)
    assert status_of(hub, second) == "ERROR"
    hold()
    discord.introduced(1)
    ref = Ref("channel_auth", second)
    eventually(lambda: hub.store.get([ref])[ref].data["lease_owner"] is None)
    assert len(discord.paths) == 1
    assert status_of(hub, first) == "CONNECTED"
