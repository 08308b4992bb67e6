"""The search index in Firestore: the words of each message in itself, and a document of words beside each customer.

A word's field is named by a hash of tenant, kind and word, and holds the time of what has the word: Firestore's own
index of that field then lists the tenant's documents with the word, the newest first, and no document is busier than
others. Of the fields there is an index in that order alone (`infra/firestore/indexes.json`), so that a word costs one
entry. Customers are also found by the beginnings of their words, messages by whole words alone, the first thirty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from shared.domain.search_words import LEAST_PREFIX, numbers, words_of
from shared.ports.search import FIELDS, Kind
from shared.ports.store import Create, Delete, Document, Merge, Ref, Remove, Set, Write

COLLECTION: Final = "search_entries"
"""Of the customers' words."""
WORDS_FIELD: Final = "search_words"
"""The field of a message that has its words; who reads the message is not shown it."""
MOST_WORDS: Final = 30
"""Different words of a message that are indexed, the first ones."""
MOST_BEGINNINGS: Final = 100
"""Different words and beginnings of words of a customer that are indexed."""
LONGEST_PREFIX: Final = 12

_LONG_AGO: Final = datetime(1970, 1, 2, tzinfo=UTC)
_TIMES: Final = {Kind.CUSTOMER: "created_at", Kind.MESSAGE: "sent_at"}


def with_words(writes: Sequence[Write], read: Callable[[Sequence[Ref]], Mapping[Ref, Document]]) -> list[Write]:
    """The writes with what keeps the index; a change of a part of a document reads the rest of it."""
    parts = [write.ref for write in writes if isinstance(write, Merge) and _changes_words(write)]
    documents = read(parts) if parts else {}
    indexed = (_indexed(write, documents) for write in writes)
    return [write for several in indexed for write in several]


def _changes_words(write: Merge) -> bool:
    collection = write.ref.collection
    if collection == Kind.CUSTOMER:
        return any(field in write.data for field in FIELDS[Kind.CUSTOMER])
    return collection == Kind.MESSAGE and any(field in write.data for field in (*FIELDS[Kind.MESSAGE], "blocked"))


def _indexed(write: Write, documents: Mapping[Ref, Document]) -> list[Write]:
    if write.ref.collection == Kind.MESSAGE:
        return [_message(write, documents)]
    entry = _entry(write, documents) if write.ref.collection == Kind.CUSTOMER else None
    return [write] if entry is None else [write, entry]


def _message(write: Write, documents: Mapping[Ref, Document]) -> Write:
    """The write of a message, with its words."""
    if isinstance(write, Delete):
        return write
    if not isinstance(write, Merge):
        indexed_words = _indexed_words(Kind.MESSAGE, write.data)
        return replace(write, data={**write.data, WORDS_FIELD: indexed_words}) if indexed_words else write
    document = documents.get(write.ref)
    if document is None or not _changes_words(write):
        return write
    former_words = _indexed_words(Kind.MESSAGE, document.data)
    new_words = _indexed_words(Kind.MESSAGE, _merged(document, write))
    changed = dict.fromkeys(former_words.keys() - new_words.keys(), Remove()) | new_words
    return replace(write, data={**write.data, WORDS_FIELD: changed}) if changed else write


def _entry(write: Write, documents: Mapping[Ref, Document]) -> Write | None:
    """The write of a customer's words; None where they stay as they are."""
    ref = Ref(COLLECTION, f"{write.ref.collection}-{write.ref.id}")
    if isinstance(write, Delete):
        return Delete(ref)
    if isinstance(write, Merge):
        document = documents.get(write.ref)
        if document is None or not _changes_words(write):
            return None
        data = _merged(document, write)
    else:
        data = dict(write.data)
    indexed_words = _indexed_words(Kind.CUSTOMER, data)
    if indexed_words:
        return Set(ref, {"document": data.get("id"), "words": indexed_words})
    return None if isinstance(write, Create) else Delete(ref)


def _merged(document: Document, write: Merge) -> dict[str, Any]:
    merged = document.data | dict(write.data)
    return {name: value for name, value in merged.items() if not isinstance(value, Remove)}


def _indexed_words(kind: Kind, data: Mapping[str, Any]) -> dict[str, Any]:
    """The time of a document by the names of its words' fields."""
    moment = data.get(_TIMES[kind])
    at = moment if isinstance(moment, datetime) else _LONG_AGO
    texts = [] if data.get("blocked") is True else [data.get(field) for field in FIELDS[kind]]
    most = MOST_WORDS if kind is Kind.MESSAGE else MOST_BEGINNINGS
    terms = dict.fromkeys(term for text in texts if isinstance(text, str) for term in _terms(kind, text))
    return {field_name(str(data.get("tenant_id")), kind, term): at for term in [*terms][:most]}


def _terms(kind: Kind, text: str) -> list[str]:
    if kind is Kind.MESSAGE:
        return [*words_of(text), *numbers(text)]
    digits = numbers(text)
    return [*(beginning for word in [*words_of(text), *digits[:1]] for beginning in _beginnings(word)), *digits]


def _beginnings(word: str) -> list[str]:
    lengths = range(LEAST_PREFIX, min(len(word), LONGEST_PREFIX) + 1)
    return [*dict.fromkeys([*(word[:length] for length in lengths), word])]


def field_name(tenant_id: str, kind: Kind, word: str) -> str:
    """The name of a word's field in an entry."""
    return "w" + hashlib.blake2b(f"{tenant_id}\0{kind}\0{word}".encode(), digest_size=10).hexdigest()
