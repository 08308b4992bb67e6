"""What every `Search` promises, beside the store that keeps its index."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.search_words import LONGEST_WORD, numbers, query_words
from shared.errors import BadRequest
from shared.ports.search import Kind, Search
from shared.ports.store import Create, Delete, Merge, Ref, Remove, Set, Store
from tests.adapters.backends import Backend

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PERSON = {"name": "João da Silva", "phone": "+55 11 98888-7777", "email": "joao@example.com"}
TEXTS = {
    "order": "Where is my ORDER? It was 4711.",
    "prices": "Die Größe und der Preis, bitte",
    "tokyo": "明日東京に行きます",
    "greeting": "مَرْحَبًا بالعالم",
}


@pytest.fixture
def index(backend: Backend) -> Any:
    with backend.open_search() as store_and_search:
        yield store_and_search


@pytest.fixture
def store(index: tuple[Store, Search]) -> Store:
    return index[0]


@pytest.fixture
def search(index: tuple[Store, Search]) -> Search:
    return index[1]


def _write(store: Store, id_: str, text: str, tenant_id: str = "t1", minutes: int = 0, **fields: Any) -> None:
    message = {"id": id_, "tenant_id": tenant_id, "text": text, "sent_at": NOON + timedelta(minutes=minutes)}
    store.commit([Create(Ref("messages", id_), message | fields)])


def _add_person(store: Store, id_: str = "joao", tenant_id: str = "t1", **fields: Any) -> None:
    person = {"id": id_, "tenant_id": tenant_id, "created_at": NOON} | PERSON | fields
    store.commit([Create(Ref("customers", id_), person)])


def _messages(search: Search, query: str, tenant_id: str = "t1") -> list[str]:
    return search.find(tenant_id, Kind.MESSAGE, query_words(query), 10).ids


def _people(search: Search, query: str, tenant_id: str = "t1") -> list[str]:
    return search.find(tenant_id, Kind.CUSTOMER, query_words(query), 10).ids


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("order", ["order"]),
        ("4711 WHERE", ["order"]),
        ("grosse", ["prices"]),
        ("GRÖSSE preis", ["prices"]),
        ("order preis", []),
        ("東京", ["tokyo"]),
        ("مرحبا", ["greeting"]),
        ("nothing", []),
        ("", []),
        ("?!", []),
        ('" OR "order', []),
        ("scope:order", []),
        ("order*", ["order"]),
        ("order) OR (preis", []),
        ("NEAR(order 4711)", []),
        ("order -4711", ["order"]),
        ("'; DROP TABLE search_rows; --", []),
    ],
)
def test_messages_are_those_with_all_the_words_of_the_query(
    store: Store, search: Search, query: str, expected: list[str]
) -> None:
    for id_, text in TEXTS.items():
        _write(store, id_, text)
    assert _messages(search, query) == expected


@pytest.mark.parametrize(
    "query", ["joao", "JOÃO", "sil", "joao silva", "joao@exam", "+5511988887777", "55 11 98888", "7777", "88887777"]
)
def test_people_are_looked_for_by_words_and_their_beginnings_and_by_ends_of_their_number(
    store: Store, search: Search, query: str
) -> None:
    _add_person(store)
    assert _people(search, query) == ["joao"]
    assert _messages(search, query) == []


def test_more_digits_than_a_telephone_number_has_are_one_word() -> None:
    telephone_number = "0055 (11) 98888-7777 123"
    assert "7777123" in numbers(telephone_number)
    assert numbers("1" * 21) == []
    assert query_words("1" * 60_000) == ["1" * LONGEST_WORD]


def test_the_newest_come_first_page_by_page(store: Store, search: Search) -> None:
    for number in range(5):
        _write(store, f"m{number}", "hello", minutes=number)
    ids, cursor = [], None
    for _ in range(3):
        hits = search.find("t1", Kind.MESSAGE, ["hello"], 2, cursor)
        ids += hits.ids
        cursor = hits.cursor
    assert (ids, cursor) == (["m4", "m3", "m2", "m1", "m0"], None)


def test_a_cursor_that_no_page_gave_is_refused(search: Search) -> None:
    with pytest.raises(BadRequest, match="cursor"):
        search.find("t1", Kind.MESSAGE, ["hello"], 2, "x")


def test_no_tenant_sees_what_another_has(store: Store, search: Search) -> None:
    _write(store, "m1", "hello")
    _add_person(store)
    assert (_messages(search, "hello", "t2"), _people(search, "joao", "t2")) == ([], [])


def test_what_is_edited_is_found_as_it_is_now(store: Store, search: Search) -> None:
    _write(store, "m1", "hello")
    _add_person(store)
    store.commit([Merge(Ref("messages", "m1"), {"text": "goodbye"}), Merge(Ref("customers", "joao"), {"name": "Ann"})])
    assert (_messages(search, "hello"), _messages(search, "goodbye")) == ([], ["m1"])
    assert (_people(search, "silva"), _people(search, "ann"), _people(search, "7777")) == ([], ["joao"], ["joao"])


def test_what_is_deleted_or_blocked_is_not_found(store: Store, search: Search) -> None:
    _write(store, "gone", "hello")
    _write(store, "hidden", "hello", blocked=True)
    store.commit([Delete(Ref("messages", "gone"))])
    assert _messages(search, "hello") == []


def test_a_note_about_a_message_becomes_the_message(store: Store, search: Search) -> None:
    store.commit([Create(Ref("messages", "m1"), {"early": {"text": "hello"}})])
    assert _messages(search, "hello") == []
    store.commit([Set(Ref("messages", "m1"), {"id": "m1", "tenant_id": "t1", "text": "hello", "sent_at": NOON})])
    assert _messages(search, "hello") == ["m1"]


def test_a_message_that_becomes_another_name_of_one_is_not_found(store: Store, search: Search) -> None:
    _write(store, "m1", "hello")
    removed = dict.fromkeys(("id", "tenant_id", "text", "sent_at"), Remove())
    store.commit([Merge(Ref("messages", "m1"), {"alias_of": "m2"} | removed)])
    assert _messages(search, "hello") == []


def test_a_refused_commit_leaves_nothing_in_the_index(store: Store, search: Search) -> None:
    _write(store, "m1", "hello")
    with pytest.raises(Exception, match="m1"):
        store.commit(
            [
                Create(Ref("messages", "m2"), {"id": "m2", "tenant_id": "t1", "text": "lost", "sent_at": NOON}),
                Create(Ref("messages", "m1"), {"id": "m1", "tenant_id": "t1", "text": "lost", "sent_at": NOON}),
            ]
        )
    assert _messages(search, "lost") == []
