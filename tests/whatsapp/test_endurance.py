"""A little of what `python -m tests.whatsapp.endurance` does at length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node import need
from tests.whatsapp.endurance import does_not_grow, kill_hub, reconnect
from tests.whatsapp.playing import SERVER, Phones, playing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phones]:
    with playing(tmp_path_factory.mktemp("whatsapp"), need(SERVER, "REQUIRE_WHATSAPP")) as phones:
        yield phones


def test_a_hub_that_is_killed_loses_no_message_and_answers_none_twice(phones: Phones, tmp_path: Path) -> None:
    kills = kill_hub(phones, tmp_path, kills=1, messages=20, seed=1)
    assert len(kills.back_seconds) == 1
    # The library works on one message at a time; the others that were claimed had not left.
    assert kills.dead <= 1


def test_an_account_whose_connection_breaks_again_and_again_needs_no_more_for_it(
    phones: Phones, tmp_path: Path
) -> None:
    does_not_grow(reconnect(phones, tmp_path, times=20))
