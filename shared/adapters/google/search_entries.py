"""The search index in Firestore: a document of words beside each customer, and beside each message for half a year.

A word's field is named by a hash of tenant, kind and word, and holds the time of what has the word: Firestore's own
index of that field then lists the tenant's documents with the word, the newest first, and no document is busier than
others. Customers are also found by the beginnings of their words, messages by whole words alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shared.domain.search_words import LEAST_PREFIX, numbers, words_of
from shared.ports.search import FIELDS, Kind
from shared.ports.store import Create, Data, Delete, Document, Merge, Ref, Remove, Set, Write

COLLECTION: Final = "search_entries"
MOST_WORDS: Final = 100
"""Different words of a message that are indexed."""
LONGEST_PREFIX: Final = 12
KEPT: Final = timedelta(days=180)
"""How long messages are found."""

_LONG_AGO: Final = datetime(1970, 1, 2, tzinfo=UTC)
_TIMES: Final = {Kind.CUSTOMER: "created_at", Kind.MESSAGE: "sent_at"}


def entries(writes: Sequence[Write], read: Callable[[Sequence[Ref]], Mapping[Ref, Document]]) -> list[Write]:
    """The writes that keep the index beside some writes; a change of a part of a document reads the rest of it."""
    searched = [write for write in writes if write.ref.collection in _TIMES]
    parts = [write.ref for write in searched if isinstance(write, Merge) and _changes_words(write)]
    documents = read(parts) if parts else {}
    derived = (_entry(write, documents) for write in searched)
    return [entry for entry in derived if entry is not None]


def _changes_words(write: Create | Set | Merge) -> bool:
    kind = Kind(write.ref.collection)
    return any(field in write.data for field in (*FIELDS[kind], *(("blocked",) if kind is Kind.MESSAGE else ())))


def _entry(write: Write, documents: Mapping[Ref, Document]) -> Write | None:
    kind, ref = Kind(write.ref.collection), Ref(COLLECTION, f"{write.ref.collection}-{write.ref.id}")
    if isinstance(write, Delete):
        return Delete(ref)
    if isinstance(write, Merge):
        document = documents.get(write.ref)
        if document is None or not _changes_words(write):
            return None
        merged = document.data | dict(write.data)
        data = {name: value for name, value in merged.items() if not isinstance(value, Remove)}
    else:
        data = dict(write.data)
    fields = _fields(kind, data)
    if fields["words"]:
        return Set(ref, fields)
    return None if isinstance(write, Create) else Delete(ref)


def _fields(kind: Kind, data: Data) -> dict[str, Any]:
    moment = data.get(_TIMES[kind])
    at = moment if isinstance(moment, datetime) else _LONG_AGO
    tenant_id, is_hidden = str(data.get("tenant_id")), data.get("blocked") is True
    texts = [] if is_hidden else [data[field] for field in FIELDS[kind] if isinstance(data.get(field), str)]
    terms = list(dict.fromkeys(term for text in texts for term in _terms(kind, text)))[:MOST_WORDS]
    fields: dict[str, Any] = {
        "document": data.get("id"),
        "words": {field_name(tenant_id, kind, term): at for term in terms},
    }
    return fields | ({"expires_at": at + KEPT} if kind is Kind.MESSAGE else {})


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
