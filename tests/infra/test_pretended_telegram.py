"""The simulated Telegram describes a bot by the settings that it received."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import requests

from infra.local.telegram import Telegram, Telegrams


@pytest.fixture
def bot() -> Iterator[str]:
    with Telegrams(("127.0.0.1", 0), Telegram) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/bot7:demo"
        server.shutdown()


def _webhook(bot: str) -> object:
    return requests.get(f"{bot}/getWebhookInfo", timeout=5).json()["result"]["url"]


def test_a_bot_listens_from_being_told_where_to_call_until_that_is_taken_back(bot: str) -> None:
    assert _webhook(bot) == ""
    assert requests.post(f"{bot}/setWebhook", json={"url": "https://hub.example/hook"}, timeout=5).json()["result"]
    assert _webhook(bot) == "https://hub.example/hook"
    assert requests.post(f"{bot}/deleteWebhook", json={}, timeout=5).json()["result"]
    assert _webhook(bot) == ""


def test_what_is_sent_gets_a_number_of_its_own(bot: str) -> None:
    message = {"chat_id": "5", "text": "Hello"}
    first, second = (requests.post(f"{bot}/sendMessage", json=message, timeout=5).json()["result"] for _ in range(2))
    assert first["message_id"] < second["message_id"]
    assert first["chat"]["id"] == "5"
