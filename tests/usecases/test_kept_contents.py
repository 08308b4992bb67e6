"""Contents that a tenant keeps once, however many refer to them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.errors import NotConfigured, Unprocessable
from shared.usecases.conversations import kept_contents


def test_a_hub_without_a_place_for_files_says_what_to_set(deps: Deps) -> None:
    with pytest.raises(NotConfigured, match="FILES_BUCKET"):
        kept_contents.files_of(replace(deps, files=None))


def test_what_is_not_kept_is_referred_to_by_nobody(deps: Deps) -> None:
    with pytest.raises(Unprocessable, match="upload it again"):
        kept_contents.refer_again(UnitOfWork(deps.store), "t1", "0" * 64)


def test_what_is_not_kept_is_released_as_it_is(deps: Deps) -> None:
    unit = UnitOfWork(deps.store)
    kept_contents.release(deps, unit, "t1", "0" * 64)()
    unit.commit()
    assert deps.store.count("stored_contents") == 0
