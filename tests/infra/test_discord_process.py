"""Discord's gateway and the hub as real processes: from what is said to a bot to the answer at the REST API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tests.channels.discord.gateway_server import Gateway, gateway_server
from tests.channels.discord.test_conversation import DIRECT, discord_rules, now_id
from tests.channels.discord.test_inbound import fixture
from tests.eventually import eventually
from tests.infra.process import Start
from tests.stubs import Reply, Stub

pytestmark = pytest.mark.slow


@pytest.fixture
def discord(provider: Stub) -> Iterator[Gateway]:
    discord_rules(provider)
    with gateway_server() as gateway:
        provider.on("GET", "/gateway/bot$", Reply(json={"url": gateway.url}))
        yield gateway


def _set_up(url: str) -> None:
    """A tenant with an agent that echoes, and a bot that listens."""
    account = {"email": "owner@example.com", "password": "correct horse"}
    session = requests.post(f"{url}/api/auth/register", json=account, timeout=10).json()
    headers = {"Authorization": f"Bearer {session['accessToken']}"}
    config = {"botToken": "MTk4.secret", "gateway": True}
    for path, body in (
        ("/api/agents", {"name": "Echo"}),
        ("/api/channels", {"name": "Server", "type": "DISCORD", "config": config}),
    ):
        assert requests.post(f"{url}{path}", json=body, headers=headers, timeout=10).status_code == 201


def _direct(text: str, person: str) -> dict[str, Any]:
    event: dict[str, Any] = fixture("gateway_message__direct")["d"]
    author = event["author"] | {"id": person}
    return event | {"content": text, "author": author, "id": now_id(), "timestamp": datetime.now(UTC).isoformat()}


def _answers(provider: Stub) -> list[str]:
    return [sent.json["content"] for sent in provider.to(f"/channels/{DIRECT}/messages$")]


def test_a_bot_answers_over_two_processes_and_misses_nothing_between_them(
    start: Start, provider: Stub, discord: Gateway
) -> None:
    discord.interval = 100
    variables = {"DISCORD_API_URL": provider.url, "REPLY_DEBOUNCE_SECONDS": "0", "LOG_LEVEL": "DEBUG"}
    first = start(**variables)
    _set_up(first.url)
    assert first.stop() == 0, first.errors
    second = start(**variables)
    discord.introduced(1)
    discord.dispatch("MESSAGE_CREATE", _direct("one", "53908099506183680"))
    eventually(lambda: _answers(provider) == ["Echo: one"])
    eventually(lambda: len(discord.sent(1)) > 2)
    assert second.stop() == 0, second.errors
    discord.dispatch("MESSAGE_CREATE", _direct("two", "53908099506183681"), lost=True)
    third = start(**variables)
    eventually(lambda: _answers(provider) == ["Echo: one", "Echo: two"])
    assert len(discord.sent(2)) == 1
    assert third.stop() == 0, third.errors
    assert "MTk4.secret" not in third.errors
