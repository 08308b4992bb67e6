"""The search index: which customers and messages of a tenant have the words of a query.

Each adapter keeps its index in the commit that changes a document, so that none is forgotten, and what is deleted
is in no index any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """What can be searched; the value is the name of its collection."""

    CUSTOMER = "customers"
    MESSAGE = "messages"


FIELDS: dict[Kind, tuple[str, ...]] = {
    Kind.CUSTOMER: ("name", "phone", "email"),
    Kind.MESSAGE: ("text",),
}
"""The fields of a document whose words are searched."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Ids of documents that may match, the newest first; whoever reads them sees whether they still do.

    `cursor` is None where nothing follows.
    """

    ids: list[str]
    cursor: str | None = None


class Search(Protocol):
    """The index of one deployment."""

    def find(self, tenant_id: str, kind: Kind, terms: Sequence[str], limit: int, cursor: str | None = None) -> Hits:
        """Return documents that have all the terms, which are `search_words.query_words`; none match nothing.

        Raises `StoreError`, and `BadRequest` for a cursor of another index.
        """
        ...
