"""How many words of a document Firestore indexes, which is what they cost."""

from __future__ import annotations

from typing import Any

import pytest

from shared.adapters.google.search_entries import MOST_BEGINNINGS, MOST_WORDS, WORDS_FIELD, with_words
from shared.ports.store import Create, Delete, Ref, Set

MANY = " ".join(f"word{number:03}" for number in range(200))


def _nothing(_: object) -> dict[Any, Any]:
    return {}


@pytest.mark.parametrize(("text", "count"), [(MANY, MOST_WORDS), ("one two two", 2), ("", 0), (None, 0)], ids=str)
def test_of_a_message_the_first_words_are_indexed_each_once(text: str | None, count: int) -> None:
    message = Create(Ref("messages", "m1"), {"id": "m1", "tenant_id": "t1", "text": text})
    [written] = with_words([message], _nothing)
    assert isinstance(written, Create)
    assert len(written.data.get(WORDS_FIELD, {})) == count


def test_of_a_customer_more_of_them_are_indexed_beside_it() -> None:
    customer = Set(Ref("customers", "p1"), {"id": "p1", "tenant_id": "t1", "name": MANY})
    written, entry = with_words([customer], _nothing)
    assert (written, isinstance(entry, Set)) == (customer, True)
    assert len(getattr(entry, "data", {})["words"]) == MOST_BEGINNINGS


def test_what_is_blocked_or_deleted_has_no_words() -> None:
    blocked = Create(Ref("messages", "m1"), {"id": "m1", "tenant_id": "t1", "text": "hello", "blocked": True})
    assert with_words([blocked, Delete(Ref("messages", "m2"))], _nothing) == [blocked, Delete(Ref("messages", "m2"))]
    deletion = Delete(Ref("customers", "p1"))
    assert with_words([deletion], _nothing) == [deletion, Delete(Ref("search_entries", "customers-p1"))]
