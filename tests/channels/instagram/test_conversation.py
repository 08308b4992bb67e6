"""From Instagram's call to the answer on Instagram, through the whole hub."""

from __future__ import annotations

import json
import time
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from shared.config import Settings
from shared.domain.messages import Author, Direction, MessageStatus
from tests.channels.example import Call, meta_signature
from tests.channels.instagram.example import ACCOUNT
from tests.channels.instagram.test_lifecycle import instagram_rules
from tests.eventually import eventually
from tests.pipeline.hub import Hub
from tests.stubs import Received, Reply

PUBLIC, SECRET = "https://hub.example.com", "app-secret"
ACCOUNT_ID, ANN = ACCOUNT["user_id"], "6187239847239847"
MESSAGES = r"/messages$"
IMAGE = "https://cdn.example.com/cat.jpg"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    app = {"instagram_app_id": "990602", "instagram_app_secret": SecretStr("secret-of-the-login")}
    return settings.model_copy(update={"public_url": PUBLIC} | app)


@pytest.fixture
def hub(hub: Hub) -> Hub:
    """A hub in front of an Instagram that accepts everything and knows Ann."""
    numbers = count(1)

    def sent(request: Received) -> Reply:
        return Reply(json={"recipient_id": ANN, "message_id": f"ours-{next(numbers)}"})

    instagram_rules(hub.provider)
    hub.provider.on(
        "GET", rf"/{ANN}\?fields=", Reply(json={"name": "Ann Lee", "username": "ann", "profile_pic": IMAGE})
    )
    hub.provider.on("POST", MESSAGES, sent)
    return hub


@pytest.fixture
def channel(hub: Hub) -> str:
    """An account that is connected; the id of its channel."""
    config = {"accessToken": "IGAA1", "appSecret": SECRET}
    return str(hub.post("/api/channels", {"name": "Insta", "type": "INSTAGRAM", "config": config}, 201)["id"])


def item(sender: str = ANN, recipient: str = ACCOUNT_ID, **about: Any) -> dict[str, Any]:
    """What happened just now."""
    return {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": int(time.time() * 1000)} | about


def says(mid: str, text: str | None, **more: Any) -> dict[str, Any]:
    return item(message={"mid": mid, "text": text} | more)


def echo(mid: str, text: str | None) -> dict[str, Any]:
    return item(ACCOUNT_ID, ANN, message={"mid": mid, "text": text, "is_echo": True})


def post(hub: Hub, *items: dict[str, Any], path: str = "/webhook/instagram", name: str = "messaging") -> None:
    body = json.dumps({"object": "instagram", "entry": [{"id": ACCOUNT_ID, "time": 1, name: items}]}).encode()
    proof = meta_signature(Call(secret=SECRET, body=body))
    answer = hub.client.post(path, data=body, content_type="application/json", headers=proof)
    assert answer.status_code == 200, answer.text


def texts(hub: Hub) -> list[str | None]:
    return [message.text for message in hub.messages()]


def test_a_message_at_the_apps_one_address_is_answered(hub: Hub, channel: str) -> None:
    hub.echo_agent()
    post(hub, says("m1", "do you ship to Lisbon?"))
    [answer] = hub.provider.wait_for(MESSAGES)
    assert answer.json["message"] == {"text": "Echo: do you ship to Lisbon?"}
    assert answer.json["recipient"] == {"id": ANN}
    assert hub.conversation().customer_name == "Ann Lee"
    # The token was renewed when the account was connected.
    assert answer.headers["authorization"] == "Bearer IGAA2"


def test_meta_may_ask_whether_the_address_is_ours(hub: Hub, channel: str) -> None:
    query = "hub.mode=subscribe&hub.verify_token=own&hub.challenge=1158"
    assert hub.client.get(f"/webhook/instagram/{channel}?{query}").status_code == 403
    hub.patch(f"/api/channels/{channel}", {"config": {"verifyToken": "own"}})
    assert hub.client.get(f"/webhook/instagram/{channel}?{query}").text == "1158"


def test_the_echo_of_what_we_sent_and_of_each_of_its_parts_is_no_new_message(hub: Hub, channel: str) -> None:
    post(hub, says("m1", "show me"))
    talk = {"channelInstanceId": channel, "conversationId": hub.conversation().id}
    hub.post("/api/messages/send", talk | {"text": "look", "attachments": [{"type": "image", "url": IMAGE}]}, 202)
    eventually(lambda: len(hub.provider.to(MESSAGES)) == 2 and hub.idle())
    post(hub, echo("ours-1", None), echo("ours-2", "look"), item(read={"mid": "ours-2"}), says("m2", "nice"))
    eventually(lambda: "nice" in texts(hub))
    [sent] = hub.messages(Direction.OUTBOUND)
    assert (sent.author, sent.status) == (Author.HUMAN, MessageStatus.READ)


def test_what_the_business_writes_in_the_app_is_shown_and_ends_the_waiting(hub: Hub, channel: str) -> None:
    post(hub, says("m1", "hello?"))
    eventually(lambda: hub.conversation().needs_reply_since)
    answered_at = int(time.time() * 1000) + 5000  # what comes at once is an automatic greeting
    post(hub, echo("app-1", "Yes, hello!") | {"timestamp": answered_at})
    eventually(lambda: hub.conversation().needs_reply_since is None)
    [sent] = hub.messages(Direction.OUTBOUND)
    assert (sent.author, sent.text) == (Author.OTHER, "Yes, hello!")


def test_a_message_to_another_app_is_stored_and_not_answered(hub: Hub, channel: str) -> None:
    hub.echo_agent()
    post(hub, says("m1", "to the other app"), name="standby")
    eventually(lambda: texts(hub) == ["to the other app"])
    post(hub, says("m2", "to you"))
    hub.provider.wait_for(MESSAGES)
    assert eventually(hub.idle)
    assert texts(hub) == ["to the other app", "to you", "Echo: to you"]


def test_comments_are_no_messages(hub: Hub, channel: str) -> None:
    comment = {"id": "17865", "from": {"id": ANN, "username": "ann"}, "text": "Lovely!", "media": {"id": "178"}}
    post(hub, {"field": "comments", "value": comment}, {"field": "messages", "value": says("m1", "hi")}, name="changes")
    eventually(lambda: texts(hub) == ["hi"])


def test_a_message_that_is_unsent_is_deleted_and_one_that_is_edited_changes(hub: Hub, channel: str) -> None:
    post(hub, says("m1", "my number is 1234"), says("m2", "tow shirts"))
    post(hub, item(message={"mid": "m1", "is_deleted": True}), item(message_edit={"mid": "m2", "text": "two shirts"}))
    eventually(
        lambda: (
            {message.text for message in hub.messages() if message.deleted_at or message.edited_at}
            == {"my number is 1234", "two shirts"}
        )
    )
    assert len(hub.messages()) == 2


def test_a_reaction_belongs_to_its_message(hub: Hub, channel: str) -> None:
    post(hub, says("m1", "hi"))
    eventually(lambda: texts(hub) == ["hi"])
    post(hub, item(reaction={"mid": "m1", "action": "react", "reaction": "love", "emoji": "❤️"}))
    eventually(lambda: hub.messages()[0].reactions == {ANN: "❤️"})


def test_an_account_whose_owner_logs_in_at_instagram_is_connected(hub: Hub) -> None:
    hub.echo_agent()
    hub.provider.on("POST", "^/oauth/access_token$", Reply(json={"access_token": "short", "user_id": 1}))
    hub.provider.on("GET", r"^/access_token\?", Reply(json={"access_token": "IGAA9", "expires_in": 5183944}))
    config = {"appSecret": SECRET}
    created = hub.post("/api/channels", {"name": "Insta", "type": "INSTAGRAM", "config": config}, 201)
    assert created["status"] == "DISCONNECTED"
    link = urlsplit(hub.get(f"/api/v1/instances/{created['id']}/qr")["auth_url"])
    redirect = hub.client.post(link.path, data={"link": parse_qs(link.query)["link"][0]})
    state = parse_qs(urlsplit(redirect.headers["Location"]).query)["state"][0]
    hub.client.get("/oauth/instagram/callback", query_string={"code": "the-code", "state": state})
    assert hub.get(f"/api/channels/{created['id']}")["status"] == "CONNECTED"
    post(hub, says("m1", "hi"))
    [answer] = hub.provider.wait_for(MESSAGES)
    assert answer.headers["authorization"] == "Bearer IGAA9"
