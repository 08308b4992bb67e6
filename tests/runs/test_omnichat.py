"""OmniChat's client: an account, a channel, a customer who writes, and an answer on every screen."""

from __future__ import annotations

import base64
import json
import time
from contextlib import closing
from typing import Any

import pytest

from tests.infra.clients import Client as Socket
from tests.runs.conftest import Deployment
from tests.runs.server import Client

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def _customer_writes(deployment: Deployment, channel_id: str, text: str) -> None:
    person = {"id": 6, "is_bot": False, "first_name": "Bob"}
    chat = {"id": 6, "type": "private", "first_name": "Bob"}
    message = {"message_id": 1, "date": int(time.time()), "chat": chat, "from": person, "text": text}
    path = f"/api/telegram/bot/webhook/{channel_id}"
    deployment.server.client().post(path, {"update_id": 1, "message": message})


def _next_event(socket: Socket, name: str) -> Any:
    """The payload of the next event of that name; events before it are skipped."""
    while True:
        event_name, payload = socket.next()
        if event_name == name:
            return payload


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_from_registering_to_sending(deployment: Deployment, transport: str) -> None:
    anyone = deployment.server.client()
    account = {"email": f"{transport}@example.com", "password": PASSWORD, "name": "Ada", "tenantName": "Acme"}
    registered = anyone.post("/api/auth/register", account, 201)
    assert set(registered) == {"accessToken", "refreshToken", "user", "tenant"}
    assert (registered["user"]["role"], registered["tenant"]["name"]) == ("owner", "Acme")
    anyone.post("/api/auth/login", {"email": account["email"], "password": "wrong"}, 401)
    session = anyone.post("/api/auth/login", {"email": account["email"], "password": PASSWORD})
    claims = _claims(session["accessToken"])
    assert {claims["userId"], claims["tenantId"], claims["email"]} == {
        session["user"]["id"],
        session["tenant"]["id"],
        account["email"],
    }
    owner = _signed_in(deployment, session)
    assert owner.get("/api/auth/me")["tenantId"] == session["tenant"]["id"]

    token = f"{len(transport)}:token"
    channel = {"name": "Support", "type": "TELEGRAM_BOT", "config": {"botToken": token}}
    created = owner.post("/api/channels", channel, 201)
    assert (created["status"], token in str(created)) == ("DISCONNECTED", False)
    assert [each["id"] for each in owner.get("/api/channels")] == [created["id"]]
    owner.post("/api/agents", {"name": "Echo"}, 201)

    with closing(Socket(transport)) as socket:
        socket.connect(deployment.server.url, auth={"token": session["accessToken"]})
        assert socket.ask("join-channel", created["id"]) == {"ok": True}
        _customer_writes(deployment, created["id"], "hello")
        event = _next_event(socket, "message-created")
        assert list(event) == ["channelInstanceId", "channelId", "conversationId", "message"]
        assert (event["message"]["direction"], event["message"]["text"]) == ("INBOUND", "hello")
        assert _next_event(socket, "conversation-updated")["conversation"]["id"] == event["conversationId"]
        reply = _next_event(socket, "message-created")["message"]
        assert (reply["direction"], reply["text"]) == ("OUTBOUND", "Echo: hello")

        refreshed = anyone.post("/api/auth/refresh", {"refreshToken": session["refreshToken"]})
        assert refreshed["refreshToken"] != session["refreshToken"]
        owner = _signed_in(deployment, refreshed)
        body = {"conversationId": event["conversationId"], "text": "A human here"}
        accepted = owner.post("/api/messages/send", body, 202)
        assert {"message", "queue"} <= set(accepted)
        assert _next_event(socket, "message-created")["message"]["id"] == accepted["message"]["id"]
    texts = [each.json["text"] for each in deployment.telegram.wait_for(f"/bot{token}/sendMessage", 2)]
    assert texts == ["Echo: hello", "A human here"]


def _signed_in(deployment: Deployment, session: dict[str, Any]) -> Client:
    return deployment.server.client({"Authorization": f"Bearer {session['accessToken']}"})
