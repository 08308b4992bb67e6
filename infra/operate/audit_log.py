"""The operator's look at a business's audit log, and whether it is as it was written."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from shared.deps import Deps
from shared.errors import Collision
from shared.usecases import audit


def entries(deps: Deps, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The entries after a number, in their order."""
    after: int = arguments.after
    while page := audit.export(deps, arguments.tenant, after, audit.MOST_CHECKED):
        for entry in page:
            yield entry.model_dump(mode="json", exclude={"changes", "is_chained"}) | {"changes": entry.change_list()}
        after = page[-1].number or after


def verdict(deps: Deps, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The place up to which all is well; raises `Collision` where the log is not as it was written."""
    checked = audit.verify(deps, arguments.tenant, audit.Place(arguments.number, arguments.hash))
    while not checked.is_complete:
        checked = audit.verify(deps, arguments.tenant, checked.place)
    if checked.problem is not None:
        raise Collision(f"The audit log of {arguments.tenant} is not as it was written: {checked.problem}")
    return [
        {
            "verified": True,
            "number": checked.place.number,
            "hash": checked.place.hash,
            "waiting": checked.waiting,
        }
    ]
