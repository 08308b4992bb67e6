"""A hub process of each test's own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.process import HubProcess
from tests.stubs import Stub

MakeHub = Callable[..., HubProcess]


@pytest.fixture
def make_hub(tmp_path: Path, provider: Stub) -> Iterator[MakeHub]:
    """Start a hub whose providers are all the stub, or what the given settings say, with an owner."""
    made: list[HubProcess] = []

    def make(**settings: str) -> HubProcess:
        hub = HubProcess(tmp_path, **{"TELEGRAM_API_URL": provider.url} | settings)
        made.append(hub)
        hub.start()
        hub.register()
        return hub

    yield make
    for hub in made:
        hub.kill()


@pytest.fixture
def seed() -> int:
    """Another one each time; it is part of what a failing assertion says."""
    return random.SystemRandom().randrange(2**32)
