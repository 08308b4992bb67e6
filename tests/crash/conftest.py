"""A hub process of each test's own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.crash.driver import Driver
from tests.crash.process import HubProcess
from tests.eventually import shown_on_failure
from tests.google.deployment import Shared, all_played_at
from tests.google.split_hub import split_hub
from tests.stubs import Stub

MakeHub = Callable[..., Driver]


@pytest.fixture
def make_hub(tmp_path: Path, provider: Stub, deployment: str, shared_functions: Shared) -> Iterator[MakeHub]:
    """Start a hub whose providers are all the stub, or what the given settings say, with an owner."""
    with ExitStack() as stack:

        def make(**settings: str) -> Driver:
            hub: Driver
            if deployment == "google" and not settings:
                hub = shared_functions.hub
            elif deployment == "google":
                hub = stack.enter_context(split_hub(tmp_path, **all_played_at(provider.url) | settings))
            else:
                hub = HubProcess(tmp_path, **all_played_at(provider.url) | settings)
                stack.callback(hub.kill)
                hub.start()
            stack.enter_context(shown_on_failure(hub.state))
            hub.register()
            return hub

        yield make


@pytest.fixture
def seed() -> int:
    """A different one each time; failing assertions print it."""
    return random.SystemRandom().randrange(2**32)
