"""An instance of the channel, and a hub that the provider can reach."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.deps import Deps
from shared.domain.instances import ChannelType, Instance


@pytest.fixture
def instance(deps: Deps) -> Instance:
    return Instance(
        id="i1",
        tenant_id="t",
        type=ChannelType.WHATSAPP,
        adapter="whatsapp_cloud",
        seq=1,
        slug="whatsapp-1",
        name="shop",
        external_id="106540352242922",
        created_at=deps.now(),
        updated_at=deps.now(),
    )


@pytest.fixture
def public(deps: Deps) -> Deps:
    """The same hub under a public address."""
    return replace(deps, settings=deps.settings.model_copy(update={"public_url": "https://hub.example.com"}))
