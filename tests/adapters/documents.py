"""Documents for the contract of the store, and short ways to read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from shared.ports.store import Create, Data, Order, Ref, Store, Where

ADA = Ref("customers", "ada")
BOB = Ref("customers", "bob")
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
Documents: TypeAlias = Mapping[str, dict[str, Any]]


def read(store: Store, ref: Ref) -> Data | None:
    document = store.get([ref]).get(ref)
    return document.data if document else None


def version(store: Store, ref: Ref) -> str:
    return store.get([ref])[ref].version


def fill(store: Store, documents: Documents) -> None:
    store.commit([Create(Ref("messages", id_), data) for id_, data in documents.items()])


def ids(
    store: Store,
    where: Sequence[Where] = (),
    order_by: Sequence[Order] = (),
    limit: int = 100,
    cursor: str | None = None,
) -> list[str]:
    return [document.id for document in store.find("messages", where, order_by, limit, cursor).documents]


def pages(store: Store, where: Sequence[Where], order_by: Sequence[Order], limit: int) -> list[list[str]]:
    result, cursor = [], None
    while True:
        page = store.find("messages", where, order_by, limit, cursor)
        result.append([document.id for document in page.documents])
        if (cursor := page.cursor) is None:
            return result
