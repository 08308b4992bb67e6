"""An instance of the channel."""

from __future__ import annotations

import pytest

from shared.domain.instances import Instance, InstanceStatus
from tests.documents import an_instance


@pytest.fixture
def instance() -> Instance:
    return an_instance("discord", status=InstanceStatus.CONNECTED)
