"""An instance of the channel."""

from __future__ import annotations

import pytest

from shared.domain.instances import Instance
from tests.documents import an_instance


@pytest.fixture
def instance() -> Instance:
    return an_instance("instagram", external_id="17841405822304914")
