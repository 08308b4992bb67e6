"""SIGKILL while a language model thinks: its answer is lost, and the customer is answered all the same, once."""

from __future__ import annotations

import pytest

from tests.crash.conftest import MakeHub
from tests.crash.driver import PATIENCE
from tests.crash.ledger import (
    Ledger,
    answered_but_for_the_dead,
    redrive_what_never_arrived,
    settled,
    stored_once,
)
from tests.crash.model import REQUESTS_PER_ANSWER, Model
from tests.crash.sender import Sender, telegram_calls
from tests.eventually import eventually
from tests.google.deployment import EVERYWHERE
from tests.stubs import Stub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), EVERYWHERE]

KILLS = 3


def test_a_team_that_dies_in_thought_answers_each_customer_once(make_hub: MakeHub, provider: Stub, seed: int) -> None:
    hub = make_hub(OPENAI_API_KEY="sk-test")
    ledger = Ledger(provider, seed, slowest=0.03)
    model = Model(provider, seed, slowest=0.1)
    path = hub.bot_on_telegram()
    model.makes_its_team(hub)
    chats = telegram_calls(path, range(1, hub.many // 5 + 1))
    texts = {call.text for [call] in chats}
    sender = Sender(hub, seed)
    with sender.sending(chats):
        for kill in range(KILLS):
            model.wait_for(kill * len(texts) // (KILLS + 1))
            with model.absorbed():
                eventually(lambda: model.thinking > 0, PATIENCE)
                hub.kill()
                hub.start()
    settled(hub, len(texts), seed)
    stored_once(hub, texts, seed)
    dead = answered_but_for_the_dead(hub, ledger, texts, seed)
    redrive_what_never_arrived(hub, ledger, dead)
    assert ledger.texts() == dict.fromkeys(texts, 1), f"seed {seed}"
    assert model.requests > REQUESTS_PER_ANSWER * len(texts), f"seed {seed}: nothing was asked again"
    assert hub.documents("notifications", type="agent_failed") == [], f"seed {seed}"
    collaborations = hub.documents("collaborations")
    assert {len(each["steps"]) for each in collaborations} == {1}, f"seed {seed}"
    assert sorted(each["question"] for each in collaborations) == sorted(texts), f"seed {seed}"
