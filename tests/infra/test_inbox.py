"""From a customer's message to the inbox and back, through the running hub."""

from __future__ import annotations

from contextlib import closing
from queue import Queue
from typing import Any

import pytest
import requests
import socketio

from tests.infra.process import Start
from tests.stubs import Reply, Stub

pytestmark = pytest.mark.slow

UPDATE = {
    "update_id": 1,
    "message": {
        "message_id": 5,
        "date": 1767225600,
        "text": "hello",
        "from": {"id": 42, "is_bot": False, "first_name": "Bo"},
        "chat": {"id": 42, "type": "private", "first_name": "Bo"},
    },
}


class Listener:
    """A client of the inbox that notes messages and conversations."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._io = socketio.Client(reconnection=False, http_session=self._session)
        self._messages: Queue[Any] = Queue()
        self.conversations: Queue[Any] = Queue()
        self._io.on("message-created", lambda payload: self._messages.put(payload["message"]))
        self._io.on("conversation-updated", lambda payload: self.conversations.put(payload["conversation"]))

    def join(self, url: str, token: str, channel: str) -> None:
        self._io.connect(url, auth={"token": token}, transports=["websocket"], wait_timeout=10)
        assert self._io.call("join-channel", channel, timeout=10) == {"ok": True}

    def next_message(self) -> Any:
        return self._messages.get(timeout=15)

    def close(self) -> None:
        self._io.shutdown()
        self._session.close()


def agreeable(provider: Stub) -> None:
    """A Telegram that agrees to everything."""
    provider.on("POST", "/getMe", Reply(json={"ok": True, "result": {"id": 7, "is_bot": True, "username": "acme_bot"}}))
    provider.on("POST", "/(set|delete)Webhook", Reply(json={"ok": True, "result": True}))
    sent = {"message_id": 99, "date": 1767225600, "chat": {"id": 42, "type": "private"}}
    provider.on("POST", "/sendMessage", Reply(json={"ok": True, "result": sent}))
    provider.on("POST", "/sendChatAction", Reply(json={"ok": True, "result": True}))


def test_a_joined_client_sees_the_customers_message_the_agents_answer_and_the_humans(
    start: Start, provider: Stub
) -> None:
    agreeable(provider)
    hub = start(TELEGRAM_API_URL=provider.url, REPLY_DEBOUNCE_SECONDS="0")
    account = {"email": "ada@example.com", "password": "correct horse battery", "tenantName": "Acme"}
    token = requests.post(f"{hub.url}/api/auth/register", json=account, timeout=20).json()["accessToken"]
    with requests.Session() as api, closing(Listener()) as listener:
        api.headers["Authorization"] = f"Bearer {token}"
        assert api.post(f"{hub.url}/api/agents", json={"name": "Echo"}, timeout=20).status_code == 201
        bot = {"name": "Bot", "type": "TELEGRAM_BOT", "config": {"botToken": "7:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}
        created = api.post(f"{hub.url}/api/channels", json=bot, timeout=20)
        channel = created.json()["id"]
        listener.join(hub.url, token, channel)
        assert requests.post(f"{hub.url}/api/telegram/bot/webhook/{channel}", json=UPDATE, timeout=20).ok
        inbound, answer = listener.next_message(), listener.next_message()
        assert (inbound["direction"], inbound["text"], inbound["channelInstanceId"]) == ("INBOUND", "hello", channel)
        assert (answer["direction"], answer["author"]) == ("OUTBOUND", "BOT")
        sent = {"conversationId": inbound["conversationId"], "text": "A human here."}
        assert api.post(f"{hub.url}/api/messages/send", json=sent, timeout=20).status_code == 202
        human = listener.next_message()
        assert (human["direction"], human["author"], human["text"]) == ("OUTBOUND", "HUMAN", "A human here.")
        assert listener.conversations.get(timeout=10)["id"] == inbound["conversationId"]
    assert len(provider.wait_for("/sendMessage", count=2)) == 2
