"""A running hub with one tenant and a Telegram that takes everything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.deps import Deps
from tests.pipeline.hub import Hub, running_hub, telegram_rules
from tests.stubs import Stub


@pytest.fixture
def hub(deps: Deps, provider: Stub) -> Iterator[Hub]:
    telegram_rules(provider)
    with running_hub(deps, provider) as running:
        running.register()
        yield running
