"""What WhatsApp tells beside messages is kept, and shown where somebody needs it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.evolution import MARIA, Evolution, recorded, upsert, written
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Reply, Stub


@pytest.fixture
def evolution(provider: Stub) -> Evolution:
    evolution = Evolution(provider)
    evolution.state = "open"
    provider.on("POST", "/message/", Reply(201, recorded("rest-sendText")))
    return evolution


@pytest.fixture
def shop(manual_hub: ManualHub, evolution: Evolution) -> ManualHub:
    config = {"whatsappInstance": "shop", "evolutionKey": "K3Y" * 5, "phoneNumber": "+55 11 90000-0000"}
    body = {"name": "Shop", "type": "WHATSAPP", "config": config}
    manual_hub.post("/api/channels", body, 201)
    manual_hub.work()
    return manual_hub


def _channel(hub: ManualHub) -> dict[str, Any]:
    channel: dict[str, Any] = hub.get("/api/channels")[0]
    return channel


def _name(hub: ManualHub) -> str:
    return str(hub.documents("instances")[0]["name"])


def test_asking_for_a_code_of_a_connected_account_keeps_what_is_known_of_its_webhook(shop: ManualHub) -> None:
    before = _channel(shop)["webhook"]
    assert before["registeredAt"]
    shop.get(f"/api/v1/instances/{_name(shop)}/qr")
    assert _channel(shop)["webhook"] == before


@pytest.mark.parametrize("tells_reason", [True, False])
def test_the_reason_of_a_close_stays(shop: ManualHub, evolution: Evolution, tells_reason: bool) -> None:
    evolution.send(shop.client, recorded("connection.update-close-401"))
    evolution.state, evolution.reason = "close", 401 if tells_reason else None
    shop.work()
    assert _channel(shop)["statusDetail"] == "logged out (401)"
    shop.get(f"/api/v1/instances/{_name(shop)}/status")
    assert _channel(shop)["statusDetail"] == "logged out (401)"
    evolution.scan(shop.client)
    shop.work()
    assert _channel(shop)["statusDetail"] is None


def test_a_code_to_type_is_shown(shop: ManualHub, evolution: Evolution) -> None:
    evolution.state = "connecting"
    code = {"pairingCode": "WZYEH1YY", "code": "2@x", "base64": "data:image/png;base64,iVBOR", "count": 1}
    shop.provider.on("GET", "/instance/connect/", Reply(json=code))
    assert "WZYEH1YY" in shop.get(f"/api/v1/instances/{_name(shop)}/qr")["message"]
    channel = shop.post(f"/api/channels/{_channel(shop)['id']}/connect", {})
    assert channel["pairing"]["pairingCode"] == "WZYEH1YY"


def _say(hub: ManualHub, user: str, status: int = 202, **content: Any) -> Any:
    to = {"channelInstanceId": _channel(hub)["id"], "externalUserId": user, "text": "Hello"} | content
    answer = hub.post("/api/messages/send", to, status)
    hub.work()
    return answer


@pytest.mark.parametrize("user", ["abc", "12", "5511988887777@example.com", "abc@s.whatsapp.net"])
def test_what_is_no_number_is_refused(shop: ManualHub, user: str) -> None:
    assert "externalUserId" in _say(shop, user, 400)["fields"]


@pytest.mark.parametrize("user", ["+55 (11) 98888-7777", "5511988887777", MARIA, "998877@lid", "1203630252@g.us"])
def test_numbers_and_addresses_are_taken(shop: ManualHub, user: str) -> None:
    _say(shop, user)


def test_what_did_not_go_out_as_it_was_written_is_noted_with_the_message(shop: ManualHub) -> None:
    unable = Reply(400, {"response": {"message": ["Owned media must be a url or base64"]}})
    shop.provider.on("POST", "/message/sendMedia/", unable)
    picture = {"type": "image", "url": "https://shop.example/p.png"}
    _say(shop, "5511988887777", attachments=[picture])
    session = shop.conversations()[0].id
    [message] = shop.get(f"/api/conversations/{session}/messages")["messages"]
    assert (message["status"], message["note"]) == ("sent", "sent as a link: the image")


def test_a_reaction_that_was_taken_back_is_gone(shop: ManualHub, evolution: Evolution) -> None:
    evolution.send(shop.client, upsert(written("hello")))
    shop.work()
    for number, emoji in enumerate(["👍", ""]):
        reaction = {"key": {"remoteJid": MARIA, "fromMe": False, "id": "IN-hello"}, "text": emoji}
        event = written("", id=f"R{number}") | {"message": {"reactionMessage": reaction}}
        evolution.send(shop.client, upsert(event | {"messageType": "reactionMessage"}))
        shop.work()
        assert list(shop.messages()[0].reactions.values()) == ([emoji] if emoji else [])


def test_a_file_that_whatsapp_no_longer_has_is_not_told_by_its_address(shop: ManualHub, evolution: Evolution) -> None:
    picture = {"imageMessage": {"url": "https://mmg.whatsapp.net/o1/x.enc", "mimetype": "image/jpeg"}}
    evolution.send(shop.client, upsert(written("", id="P1") | {"message": picture, "messageType": "imageMessage"}))
    shop.work()
    refusal = {"response": {"message": ["Failed to fetch stream from https://mmg.whatsapp.net/o1/x.enc"]}}
    shop.provider.on("POST", "/chat/getBase64FromMediaMessage/", Reply(400, refusal))
    answer = shop.client.get(f"/media/{shop.messages()[0].id}-0", headers=shop.headers)
    assert answer.status_code == 502
    assert "mmg.whatsapp.net" not in answer.text
    assert "no longer has the file" in answer.text
