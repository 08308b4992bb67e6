"""Searching the index that lies in Firestore; `search_entries` says what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from shared.adapters.google.search_entries import COLLECTION, WORDS_FIELD, field_name
from shared.adapters.google.store import FirestoreStore
from shared.domain.search_words import is_whole_word, numbers, words_of
from shared.ports.search import Hits, Kind
from shared.ports.store import Document, Order, Where

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_PAGES: Final = 5


class FirestoreSearch:
    """`Search` over what a `FirestoreStore` keeps in and beside the documents that can be searched."""

    def __init__(self, store: FirestoreStore) -> None:
        self._store = store

    def find(self, tenant_id: str, kind: Kind, terms: Sequence[str], limit: int, cursor: str | None = None) -> Hits:
        if not terms:
            return Hits([])
        # The longest word is had by the fewest documents; a character of a script without blanks by many.
        rarest = max(terms, key=lambda term: (not is_whole_word(term), len(term)))
        collection, words_field = (Kind.MESSAGE, WORDS_FIELD) if kind is Kind.MESSAGE else (COLLECTION, "words")
        field = f"{words_field}.{field_name(tenant_id, kind, rarest)}"
        where, order = [Where(field, ">", _EPOCH)], [Order(field, descending=True)]
        ids: list[str] = []
        for _ in range(_MOST_PAGES):
            page = self._store.find(collection, where, order, limit - len(ids), cursor)
            ids += [id_ for each in page.documents if (id_ := _match(each, tenant_id, kind, terms)) is not None]
            cursor = page.cursor
            if cursor is None or len(ids) == limit:
                break
        return Hits(ids, cursor)


def _match(document: Document, tenant_id: str, kind: Kind, terms: Sequence[str]) -> str | None:
    """The id of what has all the terms; None where it lacks one."""
    if kind is Kind.MESSAGE:
        text = str(document.data.get("text") or "")
        return document.ref.id if {*words_of(text), *numbers(text)}.issuperset(terms) else None
    names = {field_name(tenant_id, kind, term) for term in terms}
    return str(document.data["document"]) if names <= document.data["words"].keys() else None
