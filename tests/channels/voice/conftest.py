"""An instance of the channel, and a hub that Twilio can reach."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import ChannelType, Instance
from tests.pipeline.hub import Hub, running_hub
from tests.stubs import Stub
from tests.twilio import PUBLIC, twilio_rules


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"public_url": PUBLIC})


@pytest.fixture
def instance(deps: Deps) -> Instance:
    return Instance(
        id="i1",
        tenant_id="t",
        type=ChannelType.VOICE,
        adapter="voice",
        seq=1,
        slug="voice-1",
        name="shop",
        created_at=deps.now(),
        updated_at=deps.now(),
    )


@pytest.fixture
def hub(deps: Deps, provider: Stub) -> Iterator[Hub]:
    twilio_rules(provider)
    with running_hub(deps, provider) as running:
        running.register()
        yield running
