"""An instance of the channel, and a hub that Twilio can reach."""

from __future__ import annotations

import pytest

from shared.domain.instances import Instance
from tests.documents import an_instance
from tests.twilio import hub, manual_hub, settings

__all__ = ["hub", "settings", "manual_hub"]


@pytest.fixture
def instance() -> Instance:
    return an_instance("voice")
