"""Accounts of every kind at once: what holds for Telegram holds wherever customers write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from tests.channels.amazon import Signer, make_signer
from tests.crash.accounts import accounts_of_every_kind, calls_and_chats
from tests.crash.conftest import MakeHub
from tests.crash.driver import Driver
from tests.crash.killing import kill_again_and_again
from tests.crash.ledger import (
    Ledger,
    answered_but_for_the_dead,
    redrive_what_never_arrived,
    settled,
    stored_once,
)
from tests.crash.sender import Sender
from tests.google.deployment import EVERYWHERE
from tests.stubs import Stub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), EVERYWHERE]


@pytest.fixture(scope="module")
def signer() -> Signer:
    return make_signer()


@pytest.fixture
def hub(make_hub: MakeHub, provider: Stub) -> Driver:
    hub = make_hub()
    hub.post("/api/agents", {"name": "Echo"}, 201)
    return hub


def test_each_account_answers_its_own_customers_once_however_often_the_hub_dies(
    hub: Driver, provider: Stub, signer: Signer, seed: int
) -> None:
    ledger = Ledger(provider, seed, slowest=0.03)
    accounts = accounts_of_every_kind(hub, provider, ledger, signer)
    calls, chats = calls_and_chats(accounts, customers=hub.many // 30)
    sender = Sender(hub, seed)
    with sender.sending(calls):
        kill_again_and_again(hub, sender, ledger, len(chats), seed, kills=3)
    settled(hub, len(chats), seed)
    stored_once(hub, chats, seed)
    dead = answered_but_for_the_dead(hub, ledger, set(chats), seed)
    redrive_what_never_arrived(hub, ledger, dead)
    assert Counter(ledger.delivered) == _answers(chats), f"seed {seed}"


def test_what_was_on_its_way_when_a_connection_broke_is_left_to_a_person_on_every_account(
    hub: Driver, provider: Stub, signer: Signer
) -> None:
    ledger = Ledger(provider)
    accounts = accounts_of_every_kind(hub, provider, ledger, signer)
    calls, chats = calls_and_chats(accounts, customers=2)
    broken = {account.chat(1) for account in accounts}
    ledger.hanging_up |= broken
    with Sender(hub, seed=0).sending(calls):
        pass
    settled(hub, len(chats))
    dead = answered_but_for_the_dead(hub, ledger, set(chats), seed=0)
    unanswered = {f"Echo: {text}" for text, chat in chats.items() if chat in broken}
    assert {item["payload"]["text"] for item in dead} == unanswered
    redrive_what_never_arrived(hub, ledger, dead)
    assert Counter(ledger.delivered) == _answers(chats)


def _answers(chats: Mapping[str, str]) -> Counter[tuple[str, str]]:
    """Each text once, in its chat."""
    return Counter((chat, f"Echo: {text}") for text, chat in chats.items())
