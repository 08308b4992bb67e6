"""Sharing what can be done at once among tenants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice, zip_longest
from typing import TypeVar

T = TypeVar("T")


def in_turns(items: Iterable[T], tenant_of: Callable[[T], str], per_tenant: int) -> list[T]:
    """One item of each tenant, then a second one of each, and so on, at most `per_tenant` of any.

    A tenant's own keep their order, and tenants that of their first items.
    """
    queues: dict[str, list[T]] = {}
    for item in items:
        queues.setdefault(tenant_of(item), []).append(item)
    rounds = zip_longest(*(islice(queue, per_tenant) for queue in queues.values()), fillvalue=None)
    return [item for turn in rounds for item in turn if item is not None]
