"""Sending by the tools for Omni servers, and by Forge's server: what they write, and what the provider gets of it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from shared.domain.accounts import Role
from shared.domain.messages import Direction
from tests.evolution import MARIA, Evolution, recorded, upsert, written
from tests.functions.keys import key_for
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Reply, Stub

NUMBER = "5511988887777"
FILE = "https://files.example"
SENT = {"success": True, "status": "sent", "error": None}


@pytest.fixture
def shop(manual_hub: ManualHub, provider: Stub) -> ManualHub:
    """A hub with a connected WhatsApp account, called as the tools do: with a key in `x-api-key` and nothing else."""
    Evolution(provider).state = "open"
    provider.on("POST", "/message/", Reply(201, recorded("rest-sendText")))
    body = {"name": "shop", "type": "WHATSAPP", "config": {"whatsappInstance": "shop", "evolutionKey": "K3Y" * 5}}
    manual_hub.post("/api/channels", body, 201)
    manual_hub.work()
    manual_hub.headers = _tool(manual_hub)
    return manual_hub


def _tool(hub: ManualHub, role: Role = Role.ADMIN) -> dict[str, str]:
    return {"x-api-key": key_for(hub.deps, hub.tenant_id, role)["Authorization"].removeprefix("Bearer ")}


def _provider_request(hub: ManualHub, action: str) -> Any:
    """What Evolution was asked to do."""
    hub.work()
    (request,) = hub.provider.to(f"/message/{action}/")
    return request.json


PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 16).decode()
VOICE = base64.b64encode(b"OggS" + b"\0" * 16).decode()
PAGE = base64.b64encode(b"<script>alert(1)</script>").decode()

SENDS: dict[str, tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    "omni sends a text": (
        "send-text",
        {"phone_number": NUMBER, "text": "Hello", "delay": 100},
        "sendText",
        {"number": NUMBER, "text": "Hello"},
    ),
    "genie sends a text": ("send-text", {"phone": f"+{NUMBER}", "message": "Hello"}, "sendText", {"text": "Hello"}),
    "a tool sends every field that it knows": (
        "send-text",
        {"phone_number": None, "phone": NUMBER, "user_id": None, "text": None, "message": "Hello", "delay": None},
        "sendText",
        {"number": NUMBER, "text": "Hello"},
    ),
    "forge notifies a user": ("send-text", {"user_id": MARIA, "text": "Done"}, "sendText", {"number": NUMBER}),
    "omni sends a picture": (
        "send-media",
        {"phone_number": NUMBER, "media_url": f"{FILE}/a.png", "media_type": "IMAGE", "caption": "Look"},
        "sendMedia",
        {"mediatype": "image", "media": f"{FILE}/a.png", "caption": "Look"},
    ),
    "genie sends a document": (
        "send-media",
        {"phone": NUMBER, "media_url": f"{FILE}/x", "media_type": "document", "filename": "a.pdf", "mime_type": "a/b"},
        "sendMedia",
        {"mediatype": "document", "fileName": "a.pdf", "mimetype": "a/b"},
    ),
    "omni sends a voice message": (
        "send-audio",
        {"phone_number": NUMBER, "audio_url": f"{FILE}/a.ogg", "ptt": True},
        "sendWhatsAppAudio",
        {"audio": f"{FILE}/a.ogg"},
    ),
    "genie sends a sticker": (
        "send-sticker",
        {"phone": NUMBER, "sticker_url": f"{FILE}/a.webp"},
        "sendSticker",
        {"sticker": f"{FILE}/a.webp"},
    ),
    "omni sends a file in the body": (
        "send-media",
        {"phone_number": NUMBER, "media_base64": PICTURE, "media_type": "image", "filename": "cat.png"},
        "sendMedia",
        {"media": PICTURE, "mediatype": "image", "fileName": "cat.png", "mimetype": "image/png"},
    ),
    "a page sends a voice message as the browser gives it": (
        "send-audio",
        {"phone_number": NUMBER, "audio_base64": f"data:audio/ogg;codecs=opus;base64,{VOICE}"},
        "sendWhatsAppAudio",
        {"audio": VOICE},
    ),
    "omni sends a contact": (
        "send-contact",
        {"phone_number": NUMBER, "contacts": [{"full_name": "Ann", "phone_number": "+4915112345678"}]},
        "sendContact",
        {"contact": [{"fullName": "Ann", "wuid": "4915112345678", "phoneNumber": "+4915112345678"}]},
    ),
    "omni sends contacts of which a card would not show all": (
        "send-contact",
        {
            "phone_number": NUMBER,
            "contacts": [
                {"full_name": "Ann", "phone_number": "+4915112345678", "organization": "Shop"},
                {"full_name": "Bob", "email": "bob@example.com"},
            ],
        },
        "sendText",
        {"text": "Ann\nShop\n+4915112345678\n\nBob\nbob@example.com"},
    ),
    "genie reacts": (
        "send-reaction",
        {"phone": NUMBER, "message_id": "IN-1", "emoji": "👍", "reaction": None},
        "sendReaction",
        {"reaction": "👍", "key": {"remoteJid": MARIA, "fromMe": False, "id": "IN-1"}},
    ),
    "the original server's clients react": (
        "send-reaction",
        {"phone_number": NUMBER, "message_id": "IN-1", "reaction": "👍"},
        "sendReaction",
        {"reaction": "👍"},
    ),
    "a text answers another": (
        "send-text",
        {"phone_number": NUMBER, "text": "Yes", "quoted_message_id": "IN-1"},
        "sendText",
        {"quoted": {"key": {"id": "IN-1"}}},
    ),
}


@pytest.mark.parametrize("collection", ["instance", "instances"])
@pytest.mark.parametrize(("operation", "body", "action", "expected"), SENDS.values(), ids=SENDS)
def test_a_tool_sends(
    shop: ManualHub, collection: str, operation: str, body: dict[str, Any], action: str, expected: dict[str, Any]
) -> None:
    answer = shop.post(f"/api/v1/{collection}/shop/{operation}", body)
    provider_request = _provider_request(shop, action)
    assert {name: provider_request.get(name) for name in expected} == expected
    (message,) = shop.messages(Direction.OUTBOUND)
    assert answer == SENT | {"message_id": message.id}


@pytest.mark.parametrize("whose", ["ours", "the provider's"])
def test_a_message_of_ours_is_reacted_to_by_our_id_or_the_providers(shop: ManualHub, whose: str) -> None:
    sent = shop.post("/api/v1/instance/shop/send-text", {"phone": NUMBER, "message": "Hello"})
    shop.work()
    (message,) = shop.messages(Direction.OUTBOUND)
    message_id = sent["message_id"] if whose == "ours" else message.external_message_id
    assert message_id != message.external_message_id or whose != "ours"
    shop.post("/api/v1/instance/shop/send-reaction", {"phone": NUMBER, "message_id": message_id, "emoji": "❤️"})
    assert _provider_request(shop, "sendReaction")["key"] == {
        "remoteJid": MARIA,
        "fromMe": True,
        "id": message.external_message_id,
    }


def test_what_is_sent_goes_into_the_conversation_that_the_customer_began(shop: ManualHub) -> None:
    assert shop.client.post("/webhook/evolution/shop", json=upsert(written("hello"))).status_code == 200
    shop.work()
    shop.post("/api/v1/instance/shop/send-text", {"phone": NUMBER, "message": "Hi"})
    (conversation,) = shop.conversations()
    assert [message.text for message in shop.messages()] == ["hello", "Hi"]
    assert conversation.customer_name == "Maria"


def test_a_customer_is_written_to_by_the_id_that_their_profile_gives(shop: ManualHub) -> None:
    shop.client.post("/webhook/evolution/shop", json=upsert(written("hello")))
    shop.work()
    for person in ({"phone_number": NUMBER}, {"user_id": MARIA}):
        profile = shop.post("/api/v1/instance/shop/fetch-profile", person)["profile"]
        assert (profile["name"], profile["phone_number"]) == ("Maria", f"+{NUMBER}")
    shop.post("/api/v1/instances/shop/send-text", {"user_id": profile["user_id"], "text": "Hi"})
    assert _provider_request(shop, "sendText")["number"] == NUMBER
    assert shop.post("/api/v1/instances/shop/fetch-profile", {"user_id": profile["user_id"]})["profile"] == profile


def test_whom_a_tool_writes_to_first_is_called_by_their_number(shop: ManualHub) -> None:
    shop.post("/api/v1/instance/shop/send-text", {"phone": NUMBER, "message": "Hello"})
    (chat,) = shop.get("/api/v1/instances/shop/chats")["chats"]
    (session,) = shop.get("/sessions/active")["sessions"]
    assert (chat["name"], session["customer_info"]["name"]) == (NUMBER, NUMBER)


def test_the_accounts_picture_is_changed_at_the_provider(shop: ManualHub) -> None:
    shop.provider.on("POST", "/chat/updateProfilePicture/", Reply(json={"update": "success"}))
    answer = shop.post("/api/v1/instance/shop/update-profile-picture", {"picture_url": f"{FILE}/logo.jpg"})
    assert answer == {"success": True, "message_id": None, "status": "updated", "error": None}
    (request,) = shop.provider.to("/chat/updateProfilePicture/")
    assert request.json == {"picture": f"{FILE}/logo.jpg"}


def test_a_picture_that_the_provider_does_not_take_is_told(shop: ManualHub) -> None:
    shop.provider.on("POST", "/chat/updateProfilePicture/", Reply(400, {"response": {"message": "not an image"}}))
    refused = shop.post("/api/v1/instance/shop/update-profile-picture", {"picture_url": f"{FILE}/logo.txt"}, 500)
    assert (refused["success"], "not an image" in refused["error"]) == (False, True)


REFUSALS: dict[str, tuple[str, str, dict[str, Any], int, str]] = {
    "to nobody": ("shop", "send-text", {"text": "Hello"}, 400, "give phone_number or user_id"),
    "to no number": ("shop", "send-text", {"phone": "Maria", "text": "Hello"}, 400, "country code"),
    "by an unknown instance": ("nothing", "send-text", {"phone": NUMBER, "text": "Hello"}, 404, "not found"),
    "without a word": ("shop", "send-text", {"phone": NUMBER}, 400, "text"),
    "no file": ("shop", "send-media", {"phone": NUMBER}, 400, "media_base64"),
    "two files": (
        "shop",
        "send-sticker",
        {"phone": NUMBER, "sticker_url": f"{FILE}/a.webp", "sticker_base64": PICTURE},
        400,
        "sticker_base64",
    ),
    "what is no base64": ("shop", "send-audio", {"phone": NUMBER, "audio_base64": "a file"}, 400, "is no base64"),
    "a program": (
        "shop",
        "send-media",
        {"phone": NUMBER, "media_base64": PAGE, "mime_type": "text/html"},
        400,
        "web pages",
    ),
    "a file that nobody may fetch": (
        "shop",
        "send-media",
        {"phone": NUMBER, "media_url": "http://169.254.169.254/x"},
        400,
        "never called",
    ),
    "a field of another api": ("shop", "send-text", {"phone": NUMBER, "text": "Hi", "zebra": 1}, 400, "zebra"),
    "the profile of a stranger": ("shop", "fetch-profile", {"phone": "4915100000000"}, 404, "written"),
    "a picture of a channel without one": (
        "page",
        "update-profile-picture",
        {"picture_url": f"{FILE}/a.png"},
        400,
        "no picture",
    ),
}


@pytest.mark.parametrize(("name", "operation", "body", "status", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_a_tool_reads_why_nothing_was_sent(
    shop: ManualHub, name: str, operation: str, body: dict[str, Any], status: int, reason: str
) -> None:
    agent = {"agent_api_url": "http://localhost:3000", "agent_api_key": "agent-key-5678", "default_agent": "support"}
    shop.post("/api/v1/instances", agent | {"name": "page", "channel_type": "widget"}, 201)
    refused = shop.post(f"/api/v1/instance/{name}/{operation}", body, status)
    assert (refused["success"], refused["status"], refused["message_id"]) == (False, "failed", None)
    assert reason in refused["error"]
    assert shop.messages() == []


@pytest.mark.parametrize(("role", "status"), [(Role.VIEWER, 403), (Role.AGENT, 200)])
def test_who_may_send(shop: ManualHub, role: Role, status: int) -> None:
    shop.headers = _tool(shop, role)
    shop.post("/api/v1/instance/shop/send-text", {"phone": NUMBER, "text": "Hello"}, status)
    shop.post("/api/v1/instance/shop/update-profile-picture", {"picture_url": f"{FILE}/a.png"}, 403)
    shop.post("/api/v1/instance/shop/fetch-profile", {"phone": "4915100000000"}, 404)


def test_another_tenants_instance_is_not_there(shop: ManualHub) -> None:
    shop.headers = key_for(shop.deps, "other")
    for operation, body in (("send-text", {"phone": NUMBER, "text": "Hi"}), ("fetch-profile", {"phone": NUMBER})):
        shop.post(f"/api/v1/instance/shop/{operation}", body, 404)


def test_the_same_idempotency_key_sends_once(shop: ManualHub) -> None:
    body = {"phone": NUMBER, "message": "Hello"}
    headers = {"Idempotency-Key": "once"}
    first, second = (shop.post("/api/v1/instance/shop/send-text", body, 200, **headers) for _ in range(2))
    assert first == second
    assert _provider_request(shop, "sendText")["text"] == "Hello"
