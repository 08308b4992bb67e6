"""A store that counts what is asked of it: round trips, and documents read and written."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

from shared.ports.store import Delete, Document, Order, Page, Ref, Store, Where, Write


@dataclass(frozen=True, slots=True)
class Cost:
    """`reads` and `commits` are round trips. A document that was asked for and is absent counts, as on a bill.

    Documents that are deleted are among those written.
    """

    reads: int = 0
    commits: int = 0
    documents_read: int = 0
    documents_written: int = 0
    documents_deleted: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def __sub__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, field.name) - getattr(other, field.name) for field in fields(self)))

    def __str__(self) -> str:
        return (
            f"{self.reads} reads ({self.documents_read} documents), "
            f"{self.commits} commits ({self.documents_written} writes)"
        )


class Meter(Protocol):
    @property
    def spent(self) -> Cost:
        """All of it so far; the difference of two is what happened in between."""


class CountingStore:
    """`Store` over another one. A commit that is refused counts with the documents it wanted to write."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self._spent = Cost()
        self._lock = threading.Lock()

    @property
    def spent(self) -> Cost:
        return self._spent

    def get(self, refs: Sequence[Ref]) -> dict[Ref, Document]:
        self._count(Cost(reads=1, documents_read=len(set(refs))))
        return self.inner.get(refs)

    def find(
        self,
        collection: str,
        where: Sequence[Where] = (),
        order_by: Sequence[Order] = (),
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        page = self.inner.find(collection, where, order_by, limit, cursor)
        self._count(Cost(reads=1, documents_read=max(1, len(page.documents))))
        return page

    def commit(self, writes: Sequence[Write]) -> None:
        if writes:
            deleted = sum(isinstance(write, Delete) for write in writes)
            self._count(Cost(commits=1, documents_written=len(writes), documents_deleted=deleted))
        self.inner.commit(writes)

    def count(self, collection: str, where: Sequence[Where] = (), up_to: int | None = None) -> int:
        self._count(Cost(reads=1, documents_read=1))
        return self.inner.count(collection, where, up_to)

    def scrub(self) -> None:
        self.inner.scrub()

    def close(self) -> None:
        self.inner.close()

    def _count(self, cost: Cost) -> None:
        with self._lock:
            self._spent += cost
