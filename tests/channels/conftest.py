"""A hub that providers can reach."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.deps import Deps


@pytest.fixture
def public(deps: Deps) -> Deps:
    """The same hub under a public address."""
    return replace(deps, settings=deps.settings.model_copy(update={"public_url": "https://hub.example"}))
