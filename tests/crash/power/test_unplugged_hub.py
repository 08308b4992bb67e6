"""The power fails at any moment: nothing accepted is lost, and no customer is answered twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.killing import kill_again_and_again
from tests.crash.ledger import (
    Ledger,
    answered_but_for_the_dead,
    redrive_what_never_arrived,
    settled,
    stored_once,
)
from tests.crash.power.unplugged_hub import UnpluggedHub
from tests.crash.process import HubProcess
from tests.crash.sender import Sender, telegram_calls
from tests.eventually import shown_on_failure
from tests.stubs import Stub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def hub(tmp_path: Path, recorder: Path, provider: Stub, seed: int) -> Iterator[UnpluggedHub]:
    hub = UnpluggedHub(tmp_path / "hub", recorder, seed, TELEGRAM_API_URL=provider.url)
    hub.start()
    with shown_on_failure(hub.state):
        yield hub
    HubProcess.kill(hub)  # without a power cut: the test has looked into the data meanwhile


def test_many_chats_are_each_answered_once_however_often_the_power_fails(
    hub: UnpluggedHub, provider: Stub, seed: int
) -> None:
    ledger = Ledger(provider, seed, slowest=0.03)
    hub.register()
    path = hub.echo_on_telegram()
    hub.kill()
    hub.start()
    chats = telegram_calls(path, range(1, hub.many // 3 + 1))
    texts = {call.text for [call] in chats}
    sender = Sender(hub, seed)
    with sender.sending(chats):
        kill_again_and_again(hub, sender, ledger, len(texts), seed, kills=2)
    settled(hub, len(texts), seed)
    stored_once(hub, texts, seed)
    dead = answered_but_for_the_dead(hub, ledger, texts, seed)
    redrive_what_never_arrived(hub, ledger, dead)
    assert ledger.texts() == dict.fromkeys(texts, 1), f"seed {seed}"
