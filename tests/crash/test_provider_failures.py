"""A provider that fails during a burst: whatever way it fails, every customer is answered once, and nobody twice."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.crash.conftest import MakeHub
from tests.crash.driver import PATIENCE, Driver
from tests.crash.ledger import (
    Ledger,
    answered_but_for_the_dead,
    dead_and_reported,
    redrive_what_never_arrived,
    settled,
    stored_once,
)
from tests.crash.sender import Sender, telegram_calls
from tests.eventually import eventually
from tests.google.deployment import EVERYWHERE
from tests.stubs import Received, Reply, Stub, stub_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), EVERYWHERE]

SEND = r"/bot[^/]+/sendMessage"


def _burst(hub: Driver, path: str) -> set[str]:
    """A message from each of many chats; returns their texts."""
    chats = telegram_calls(path, range(1, hub.many // 5 + 1))
    with Sender(hub, seed=0).sending(chats):
        return {call.text for [call] in chats}


def _refusal(status: int, **parameters: int) -> Reply:
    body = {"ok": False, "error_code": status, "description": "later", "parameters": parameters}
    return Reply(status, body)


@pytest.mark.parametrize(
    ("refusal", "times", "customers"),
    # Each refusal of the second kind has all messages of the bot wait for a second.
    [(_refusal(500), 2, 60), (_refusal(429, retry_after=1), 1, 5)],
    ids=["500", "429"],
)
def test_what_the_provider_refuses_for_now_is_sent_until_it_takes_it(
    make_hub: MakeHub, provider: Stub, refusal: Reply, times: int, customers: int
) -> None:
    """It refuses the first so many customers, each so many times."""
    hub = make_hub()
    ledger = Ledger(provider)
    path = hub.echo_on_telegram()
    refused: Counter[int] = Counter()

    def refuse_first(request: Received) -> Reply:
        chat = int(request.json["chat_id"])
        refused[chat] += 1
        return refusal if chat <= customers and refused[chat] <= times else ledger.telegram(request)

    provider.on("POST", SEND, refuse_first)
    texts = _burst(hub, path)
    settled(hub, len(texts))
    stored_once(hub, texts)
    assert dead_and_reported(hub) == []
    assert ledger.texts() == dict.fromkeys(texts, 1)
    assert len(provider.to(SEND)) == len(texts) + times * min(customers, len(texts))


def test_a_slow_provider_gets_everything_once(make_hub: MakeHub, provider: Stub) -> None:
    hub = make_hub()
    ledger = Ledger(provider, slowest=1.0)
    texts = _burst(hub, hub.echo_on_telegram())
    settled(hub, len(texts))
    assert dead_and_reported(hub) == []
    assert ledger.texts() == dict.fromkeys(texts, 1)


def test_what_was_on_its_way_when_the_connection_dropped_is_left_to_a_person(make_hub: MakeHub, provider: Stub) -> None:
    dropped = 8
    hub = make_hub()
    ledger = Ledger(provider)
    path = hub.echo_on_telegram()
    provider.on("POST", SEND, Reply(drop=True), dropped)
    texts = _burst(hub, path)
    settled(hub, len(texts))
    dead = answered_but_for_the_dead(hub, ledger, texts, seed=0)
    assert len(dead) == dropped
    assert len(provider.to(SEND)) == len(texts), "a dropped one was sent again"
    redrive_what_never_arrived(hub, ledger, dead)
    assert ledger.texts() == dict.fromkeys(texts, 1)


@pytest.fixture
def port() -> Iterator[int]:
    """A port on which nothing listens unless the test starts a server there."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def test_a_provider_that_is_down_gets_everything_once_it_is_back(make_hub: MakeHub, port: int) -> None:
    hub = make_hub(TELEGRAM_API_URL=f"http://127.0.0.1:{port}", RETRY_MAX_SECONDS="2")
    with stub_server(port, Ledger):
        path = hub.echo_on_telegram()
    texts = _burst(hub, path)
    eventually(lambda: len(hub.documents("outbox")) == len(texts), PATIENCE)
    eventually(lambda: len(hub.documents("outbox", reason="unavailable")) >= 2, PATIENCE)
    ledgers: list[Ledger] = []
    with stub_server(port, lambda stub: ledgers.append(Ledger(stub))):
        [ledger] = ledgers
        settled(hub, len(texts))
        assert dead_and_reported(hub) == []
        assert ledger.texts() == dict.fromkeys(texts, 1)
