"""An instance of the channel."""

from __future__ import annotations

import pytest

from shared.domain.instances import Instance
from tests.documents import an_instance


@pytest.fixture
def instance() -> Instance:
    return an_instance("line", external_id="U8e742f61d673b39c7fff3cecb7536ef0")
