"""Visitors on Socket.IO: each receives events of their own messages and no others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from queue import Empty, Queue
from typing import Any

import pytest
from socketio.exceptions import ConnectionError as NotConnected

from infra.sockets.server import SocketServer
from shared.deps import Deps
from shared.domain.events import RealtimeEvent
from tests.eventually import eventually
from tests.functions.widget.conftest import begin, make_widget
from tests.infra.clients import Client, Polling
from tests.infra.hosting import hosted
from tests.overlaps import overlaps
from tests.pipeline.hub import Hub


@pytest.fixture
def sockets(deps: Deps) -> SocketServer:
    return SocketServer(deps)


@pytest.fixture
def server(sockets: SocketServer) -> Iterator[str]:
    with hosted(sockets) as url:
        yield url


def _connected(client: Client, url: str, token: str) -> Queue[Any]:
    came: Queue[Any] = Queue()
    client.io.on("visitor-message", came.put)
    client.connect(url, auth={"token": token})
    return came


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_a_visitor_is_told_of_answers_to_them_alone(
    hub: Hub, sockets: SocketServer, server: str, transport: str
) -> None:
    hub.echo_agent()
    widget = make_widget(hub)
    ann, bob = begin(hub, widget), begin(hub, widget)
    with closing(Client(transport)) as first, closing(Client(transport)) as second:
        told_ann = _connected(first, server, ann.session["token"])
        told_bob = _connected(second, server, bob.session["token"])
        ann.say("Hello")
        eventually(lambda: any(event.name == "visitor-message" for event in hub.realtime))
        for event in list(hub.realtime):
            sockets.deliver(event)
        message = told_ann.get(timeout=10)
        assert message["instance"] == widget
        assert [text for _, text in ann.texts()] == ["Hello", "Echo: Hello"]
        with pytest.raises(Empty):
            told_bob.get(timeout=0.2)
        assert first.came.empty()


def test_a_visitor_can_join_no_other_room(hub: Hub, server: str) -> None:
    widget = make_widget(hub)
    visitor = begin(hub, widget)
    with closing(Client("websocket")) as client:
        _connected(client, server, visitor.session["token"])
        refusal = {"ok": False, "detail": "there is no such channel"}
        for event in ("join-channel", "leave-channel"):
            assert client.ask(event, widget) == refusal
        assert client.ask("join-channel", visitor.session["room"])["ok"] is False


def test_a_visitor_who_leaves_while_connecting_is_not_counted(
    hub: Hub, sockets: SocketServer, server: str, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = begin(hub, make_widget(hub))
    leaving = Polling(server)
    overlaps(hub.deps).clock.advance(hours=1)  # what the process keeps has grown old: the visitor is looked up
    overlaps(hub.deps).store.after_read("instances", leaving.leaves)
    leaving.connects(visitor.session["token"])
    assert overlaps(hub.deps).all_happened
    nonsense = RealtimeEvent(tenant_id=hub.tenant_id, room=visitor.session["room"], name="no-such-event", payload={})
    sockets.deliver(nonsense)
    assert "dropped a realtime event" not in caplog.text, "it was looked at for somebody"


def test_a_token_that_is_not_valid_does_not_connect(hub: Hub, server: str) -> None:
    visitor = begin(hub, make_widget(hub))
    with closing(Client("websocket")) as client:
        with pytest.raises(NotConnected):
            client.connect(server, auth={"token": visitor.session["token"][:-2] + "xx"})
        assert client.refusals.get(timeout=10)["message"].startswith("unauthorized: ")


@pytest.mark.parametrize(("origin", "lets_in"), [("own", True), ("http://localhost:1", False)])
def test_the_hubs_own_page_may_connect_whatever_pages_are_listed(
    hub: Hub, deps: Deps, origin: str, lets_in: bool
) -> None:
    visitor = begin(hub, make_widget(hub))
    listed = deps.settings.model_copy(update={"cors_origin": ("https://desk.example",)})
    with hosted(SocketServer(replace(deps, settings=listed))) as url, closing(Client("polling")) as client:
        headers = {"Origin": url if origin == "own" else origin}
        if lets_in:
            client.connect(url, auth={"token": visitor.session["token"]}, headers=headers)
            assert client.io.connected
        else:
            with pytest.raises(NotConnected):
                client.connect(url, auth={"token": visitor.session["token"]}, headers=headers)


def test_people_are_told_that_a_visitor_writes_in_an_open_conversation(hub: Hub, server: str) -> None:
    visitor = begin(hub, make_widget(hub))
    with closing(Client("websocket")) as client:
        _connected(client, server, visitor.session["token"])
        client.io.emit("typing")
        visitor.say("Hello")
        eventually(lambda: hub.conversations())
        overlaps(hub.deps).clock.advance(minutes=1)
        client.io.emit("typing")
        [event] = eventually(lambda: [each for each in hub.realtime if each.name == "typing"])
    assert (event.payload["conversation_id"], event.payload["author"]) == (hub.conversation().id, "customer")
