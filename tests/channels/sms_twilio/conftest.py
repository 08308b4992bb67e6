"""An instance of the channel, and a hub that Twilio can reach."""

from __future__ import annotations

import pytest

from shared.deps import Deps
from shared.domain.instances import ChannelType, Instance
from tests.twilio import hub, new_instance, settings

__all__ = ["hub", "settings"]


@pytest.fixture
def instance(deps: Deps) -> Instance:
    return new_instance(deps, ChannelType.SMS, "sms_twilio")
