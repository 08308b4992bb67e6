"""An instance of the channel."""

from __future__ import annotations

import pytest

from shared.domain.instances import Instance
from tests.documents import an_instance


@pytest.fixture
def instance() -> Instance:
    return an_instance("whatsapp_cloud", external_id="106540352242922")
