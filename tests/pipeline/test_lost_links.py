"""Evolution says `open`, and nothing goes out."""

from __future__ import annotations

from tests.eventually import eventually
from tests.evolution import Evolution, recorded
from tests.pipeline.hub import Hub
from tests.stubs import Reply

CLOSED = Reply(500, {"status": 500, "response": {"message": "Connection Closed"}})


def test_a_dead_socket_shows_until_a_message_goes_out_again(hub: Hub) -> None:
    evolution = Evolution(hub.provider)
    evolution.state = "open"
    config = {"evolutionKey": "K3Y", "evolutionUrl": hub.provider.url, "whatsappInstance": "acme-support"}
    channel = hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": config}, 201)
    hub.provider.on("POST", "/message/sendText/", Reply(201, recorded("rest-sendText")))
    hub.provider.on("POST", "/message/sendText/", CLOSED, times=1)
    to = {"channelInstanceId": channel["id"], "externalUserId": "5511988887777", "text": "Hello"}
    hub.post("/api/messages/send", to, 202)
    hub.provider.wait_for("/message/sendText/", 2)
    eventually(lambda: _statuses(hub) == ["connected", "error", "connected"])
    assert hub.get(f"/api/channels/{channel['id']}")["status"] == "CONNECTED"


def _statuses(hub: Hub) -> list[str]:
    return [event.payload["status"] for event in hub.realtime if event.name == "channel-status"]
