"""SIGKILL at any moment: nothing accepted is lost, and no customer is answered twice."""

from __future__ import annotations

import pytest

from tests.crash.conftest import MakeHub
from tests.crash.driver import Driver
from tests.crash.killing import KILLS, kill_again_and_again
from tests.crash.ledger import (
    CONSUMERS,
    Ledger,
    answered_but_for_the_dead,
    dead_and_reported,
    redrive_what_never_arrived,
    settled,
    stored_once,
)
from tests.crash.sender import Sender, telegram_calls, whatsapp_calls
from tests.evolution import answered_shop
from tests.google.deployment import EVERYWHERE
from tests.stubs import Received, Reply, Stub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), EVERYWHERE]


def test_many_chats_are_each_answered_once_however_often_the_hub_dies(
    make_hub: MakeHub, provider: Stub, seed: int
) -> None:
    hub = make_hub()
    ledger = Ledger(provider, seed, slowest=0.03)
    chats = telegram_calls(hub.echo_on_telegram(), range(1, hub.many + 1))
    texts = {call.text for calls in chats for call in calls}
    sender = Sender(hub, seed)
    with sender.sending(chats):
        kill_again_and_again(hub, sender, ledger, len(texts), seed)
    settled(hub, len(texts), seed)
    stored_once(hub, texts, seed)
    dead = answered_but_for_the_dead(hub, ledger, texts, seed)
    assert len(dead) <= KILLS * CONSUMERS, f"seed {seed}: {len(dead)} died"
    redrive_what_never_arrived(hub, ledger, dead)
    assert ledger.texts() == dict.fromkeys(texts, 1), f"seed {seed}"
    assert hub.terminate() == 0


def _agent(request: Received) -> Reply:
    return Reply(json={"message": "re: " + request.json["message_content"].replace("\n", " ")})


def _shop(hub: Driver, provider: Stub) -> None:
    """A WhatsApp instance whose customers an external agent service answers, without any cool-down."""
    provider.on("GET", "/instance", Reply(json={"instance": {"instanceName": "shop", "state": "open"}}))
    provider.on("POST", "/api/v1/agent/support/run", _agent)
    instance = answered_shop(provider.url, config={"pace_per_second": 0})
    hub.post("/api/v1/instances", instance, 201)


def test_conversations_stay_in_order_and_no_message_is_answered_twice_however_often_the_hub_dies(
    make_hub: MakeHub, provider: Stub, seed: int
) -> None:
    hub = make_hub()
    ledger = Ledger(provider, seed, slowest=0.03)
    _shop(hub, provider)
    chats = whatsapp_calls(range(1, hub.many // 5 + 1), per_chat=5)
    texts = {call.text for calls in chats for call in calls}
    sender = Sender(hub, seed)
    with sender.sending(chats):
        kill_again_and_again(hub, sender, ledger, len(texts), seed)
    settled(hub, len(texts), seed)
    stored_once(hub, texts, seed)
    dead = answered_but_for_the_dead(hub, ledger, texts, seed)
    disordered = {chat: replies for chat, replies in ledger.by_chat().items() if replies != sorted(replies)}
    assert not disordered, f"seed {seed}: {disordered}"
    redrive_what_never_arrived(hub, ledger, dead)
    assert ledger.texts() == dict.fromkeys(texts, 1), f"seed {seed}"


def test_death_right_after_the_answer_to_a_webhook_loses_nothing(make_hub: MakeHub, provider: Stub) -> None:
    hub = make_hub(REPLY_DEBOUNCE_SECONDS="0.2")
    ledger = Ledger(provider)
    chats = telegram_calls(hub.echo_on_telegram(), range(1, 4))
    for [call] in chats:
        Sender(hub, 0).send(call)
        hub.kill()
        hub.start()
    settled(hub, len(chats))
    texts = {call.text for [call] in chats}
    stored_once(hub, texts)
    dead = dead_and_reported(hub)
    redrive_what_never_arrived(hub, ledger, dead)
    assert ledger.texts() == dict.fromkeys(texts, 1)
