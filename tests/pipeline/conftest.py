"""A running hub with one tenant and a Telegram that takes everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import pytest

from shared.deps import Deps
from tests.google.deployment import Shared
from tests.google.web_client import WebClient
from tests.pipeline.hub import Hub, running_hub, telegram_rules
from tests.stubs import Stub

if TYPE_CHECKING:
    from flask.testing import FlaskClient


@pytest.fixture
def hub(deps: Deps, provider: Stub, deployment: str, shared_functions: Shared) -> Iterator[Hub]:
    """In this process; where a test is marked so, also as functions, of which `realtime` tells nothing."""
    telegram_rules(provider)
    if deployment == "google":
        client = cast("FlaskClient", WebClient(shared_functions.hub.url))
        functions = Hub(deps, client, provider)
        functions.register()
        yield functions
        return
    with running_hub(deps, provider) as running:
        running.register()
        yield running
