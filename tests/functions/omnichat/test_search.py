"""Searching people, their conversations, and what was written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.manual_hub import ManualHub


@pytest.fixture
def channel(manual_hub: ManualHub) -> str:
    return manual_hub.telegram()


def _search(hub: ManualHub, query: str, **more: Any) -> Any:
    answer = hub.client.get("/api/search", query_string={"q": query, **more}, headers=hub.headers)
    assert answer.status_code == 200, answer.text
    return answer.json


def _texts(hub: ManualHub, query: str, **more: Any) -> list[str]:
    return [hit["text"] for hit in _search(hub, query, **more)["messages"]["results"]]


def test_one_answer_has_people_their_conversations_and_what_was_written(manual_hub: ManualHub, channel: str) -> None:
    hub = manual_hub
    hub.writes(channel, "Where is my order 4711?", chat=5)
    results = _search(hub, "CUSTOMER 5")
    [person], [conversation] = results["people"]["results"], results["conversations"]["results"]
    assert (person["name"], conversation["customerId"]) == ("Customer 5", person["id"])
    assert results["messages"] == {"results": [], "nextCursor": None}
    results = _search(hub, "order 4711")
    [hit] = results["messages"]["results"]
    assert (hit["text"], hit["customerName"]) == ("Where is my order 4711?", "Customer 5")
    assert hit["conversationId"] == conversation["id"]
    assert results["people"]["results"] == results["conversations"]["results"] == []


def test_what_people_write_is_searched_too(manual_hub: ManualHub, channel: str) -> None:
    hub = manual_hub
    hub.writes(channel, "hello")
    session = hub.conversation().id
    hub.say(session, "Your parcel is on its way")
    hub.post(f"/api/conversations/{session}/notes", {"text": "parcel was lost once"}, 201)
    assert _texts(hub, "parcel") == ["parcel was lost once", "Your parcel is on its way"]


def test_a_group_goes_on_with_its_cursor(manual_hub: ManualHub, channel: str) -> None:
    hub = manual_hub
    hub.writes(channel, "hello one", "hello two", "hello three")
    results = _search(hub, "hello", limit=2)
    assert [hit["text"] for hit in results["messages"]["results"]] == ["hello three", "hello two"]
    cursor = results["messages"]["nextCursor"]
    assert _texts(hub, "hello", limit=2, group="messages", cursor=cursor) == ["hello one"]
    answer = hub.client.get("/api/search", query_string={"q": "hello", "cursor": cursor}, headers=hub.headers)
    assert (answer.status_code, answer.get_json()["fields"]) == (400, {"group": "is missing"})


def test_a_changed_name_and_a_blocked_sender_are_searched_as_they_are_now(manual_hub: ManualHub, channel: str) -> None:
    hub = manual_hub
    hub.writes(channel, "hello")
    hub.put(f"/customers/{hub.conversation().customer_id}/profile", {"name": "Ana Souza", "phone": "+5511988887777"})
    for query in ("ana", "souza", "8888-7777", "+55 11 98888 7777"):
        assert [person["name"] for person in _search(hub, query)["people"]["results"]] == ["Ana Souza"], query
    assert _search(hub, "Customer 5")["people"]["results"] == []
    hub.post("/api/access/rules", {"effect": "block", "kind": "address", "value": "5"}, 201)
    hub.wait(minutes=1)
    hub.writes(channel, "rude words")
    assert _texts(hub, "rude") == []


def test_a_query_without_words_finds_nothing(manual_hub: ManualHub, channel: str) -> None:
    manual_hub.writes(channel, "hello")
    for query in ("", "?!", "*", '"'):
        results = _search(manual_hub, query)
        assert results["people"]["results"] == results["messages"]["results"] == [], query
