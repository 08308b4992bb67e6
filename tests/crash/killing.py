"""Ending a hub at points drawn over the whole way of a burst of messages."""

from __future__ import annotations

import random
import time

from tests.crash.driver import PATIENCE, Driver
from tests.crash.ledger import Ledger
from tests.crash.sender import Sender
from tests.eventually import eventually

KILLS = 6


def kill_again_and_again(
    hub: Driver, sender: Sender, ledger: Ledger, messages: int, seed: int, kills: int = KILLS
) -> None:
    """Kill and start, from the first webhook until nearly all is answered."""
    chance = random.Random(seed)
    for point in sorted(chance.uniform(0.01, 0.9) for _ in range(kills)):

        def far_enough(threshold: float = point * 2 * messages) -> bool:
            return len(sender.accepted) + sum(ledger.texts().values()) >= threshold

        eventually(far_enough, PATIENCE)
        time.sleep(chance.uniform(0, 0.03))
        hub.kill()
        hub.start()
