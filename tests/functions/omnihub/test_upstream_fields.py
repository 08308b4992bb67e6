"""Addresses and keys that Omni-Hub's clients give: what is refused before anybody is called in vain."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.functions.omnihub.door import PATH, create
from tests.stubs import Reply, Stub


@pytest.mark.parametrize("field", ["agent_api_url", "evolution_url"])
@pytest.mark.parametrize("url", ["http://agent.example/?key=1", "http://agent.example/base#top", "http://a.example?"])
def test_an_address_to_which_no_path_can_be_added_is_refused(
    client: FlaskClient, new: dict[str, Any], url: str, field: str
) -> None:
    create(client, new, "shop")
    created = client.post(PATH, json=new | {"name": "other", field: url})
    changed = client.put(f"{PATH}/shop", json={field: url})
    for answer in (created, changed):
        assert answer.status_code == 400
        assert answer.json["fields"] == {field: "give an address without a query or a fragment"}  # type: ignore[index]


@pytest.mark.parametrize("field", ["agent_api_key", "evolution_key"])
def test_a_key_that_was_pasted_with_a_line_break_is_kept_without(
    client: FlaskClient, new: dict[str, Any], field: str
) -> None:
    created = client.post(PATH, json=new | {"name": "shop", field: " key-1\n"})
    assert (created.status_code, created.json[field]) == (201, "key-1")  # type: ignore[index]
    changed = client.put(f"{PATH}/shop", json={field: "key-2\r\n"})
    assert changed.json[field] == client.get(f"{PATH}/shop").json[field] == "key-2"  # type: ignore[index]


@pytest.mark.parametrize("field", ["agent_api_key", "evolution_key"])
def test_a_key_that_no_header_can_carry_is_refused(client: FlaskClient, new: dict[str, Any], field: str) -> None:
    create(client, new, "shop")
    created = client.post(PATH, json=new | {"name": "other", field: "a\nb"})
    changed = client.put(f"{PATH}/shop", json={field: "a\rb"})
    for answer in (created, changed):
        assert answer.status_code == 400
        assert answer.json["fields"] == {field: "give a key of one line, without control characters"}  # type: ignore[index]


@pytest.mark.parametrize(
    ("method", "operation"), [("GET", "qr"), ("POST", "restart"), ("POST", "logout"), ("DELETE", "channel")]
)
def test_a_web_page_is_not_taken_for_an_evolution_server(
    client: FlaskClient, new: dict[str, Any], evolution: Stub, method: str, operation: str
) -> None:
    page = Reply(text="<!doctype html><title>Manager</title>", headers={"content-type": "text/html"})
    for verb in ("GET", "POST", "DELETE"):
        evolution.on(verb, "/", page)
    create(client, new, "shop")
    status: Any = client.get(f"{PATH}/shop/status").json
    assert (status["status"], "web page" in status["channel_data"]["detail"]) == ("error", True)
    answer = client.open(f"{PATH}/shop/{operation}", method=method)
    assert answer.status_code == (200 if operation == "qr" else 500)
    assert "evolution_url leads to a web page" in answer.json["message"]  # type: ignore[index]
