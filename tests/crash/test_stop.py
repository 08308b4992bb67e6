"""SIGTERM at any moment: what runs is finished, the rest waits for the next start, and nothing is in doubt."""

from __future__ import annotations

import random
import time

import pytest

from tests.crash.conftest import MakeHub
from tests.crash.ledger import Ledger, dead_and_reported, settled, stored_once
from tests.crash.sender import Sender, telegram_calls
from tests.google.deployment import EVERYWHERE
from tests.stubs import Stub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), EVERYWHERE]


def test_stopping_in_the_middle_of_a_burst_loses_and_doubles_nothing(
    make_hub: MakeHub, provider: Stub, seed: int
) -> None:
    hub = make_hub()
    ledger = Ledger(provider, seed, slowest=0.2)
    chats = telegram_calls(hub.echo_on_telegram(), range(1, hub.many // 2 + 1))
    texts = {call.text for calls in chats for call in calls}
    sender = Sender(hub, seed)
    chance = random.Random(seed)
    with sender.sending(chats):
        for answered in (hub.many // 30, hub.many // 4):
            ledger.wait_for(answered)
            time.sleep(chance.uniform(0, 0.05))
            assert hub.terminate() == 0, f"seed {seed}: {hub.log}"
            hub.start()
    settled(hub, len(texts), seed)
    stored_once(hub, texts, seed)
    assert dead_and_reported(hub, seed) == [], f"seed {seed}"
    assert ledger.texts() == dict.fromkeys(texts, 1), f"seed {seed}"
    assert "Traceback" not in hub.log, f"seed {seed}: {hub.log}"


def test_stopping_an_idle_hub_takes_no_data_with_it(make_hub: MakeHub, provider: Stub) -> None:
    hub = make_hub()
    ledger = Ledger(provider)
    chats = telegram_calls(hub.echo_on_telegram(), range(1, 4))
    for [call] in chats:
        Sender(hub, 0).send(call)
        assert hub.terminate() == 0
        hub.start()
    settled(hub, len(chats))
    assert ledger.texts() == dict.fromkeys(["m1.0", "m2.0", "m3.0"], 1)
