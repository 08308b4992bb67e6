"""What a request body must be, and how an invalid one is refused."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from flask.testing import FlaskClient

from shared.deps import Deps
from tests.http.dialect import assert_failed, client_of, dialect, large


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return client_of(deps)


def test_a_good_body_is_taken(client: FlaskClient) -> None:
    response = client.post("/pets", json={"name": "Rex", "age": 3, "tags": {"x": [1, "ü"]}})
    assert response.json == {"name": "Rex", "age": 3, "tags": {"x": [1, "ü"]}}


def test_text_arrives_as_it_was_sent(client: FlaskClient) -> None:
    body = '{"name": "\U0001f600 \\ud83d\\ude00 é \\u0001"}'
    response = client.post("/pets", data=body.encode(), content_type="application/json; charset=utf-8")
    assert response.json == {"name": "\U0001f600 \U0001f600 é \x01", "age": None, "tags": {}}


def test_every_wrong_field_is_named(client: FlaskClient) -> None:
    response = client.post("/pets", json={"age": "old", "name": "x" * 21})
    detail = assert_failed(response, 400, "bad_request")
    assert response.json is not None
    assert set(response.json["fields"]) == {"age", "name"}
    assert "age: " in detail
    assert "name: " in detail


def test_a_refused_value_is_not_repeated(client: FlaskClient) -> None:
    assert "hunter2" not in client.post("/pets", json={"age": "hunter2"}).text


def test_an_empty_body_is_told_what_is_missing(client: FlaskClient) -> None:
    assert assert_failed(client.post("/pets"), 400, "bad_request") == "name: Field required"


def test_a_list_where_an_object_belongs_is_refused(client: FlaskClient) -> None:
    detail = assert_failed(client.post("/pets", json=["Rex"]), 400, "bad_request")
    assert detail == "The body must be a JSON object"


def test_a_list_is_taken_where_one_belongs(client: FlaskClient) -> None:
    assert client.post("/pets/names", json=["Rex", "Bo"]).json == ["Rex", "Bo"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"{", "not valid JSON", id="cut off"),
        pytest.param(b'{"name": "Rex",}', "not valid JSON", id="comma too many"),
        pytest.param(b"null", "must be a JSON object", id="null"),
        pytest.param(b'"{\\"name\\": \\"Rex\\"}"', "must be a JSON object", id="JSON in a string"),
        pytest.param(b"17", "must be a JSON object", id="number"),
        pytest.param(b'{"name": "a\\u0000b"}', "NUL", id="NUL"),
        pytest.param(b'{"name": "a\x00b"}', "not valid JSON", id="raw NUL"),
        pytest.param(b'{"name": "\\ud83d"}', "lone surrogates", id="half a pair"),
        pytest.param(b'{"name": "x", "tags": {"\\udc00": 1}}', "lone surrogates", id="half a pair in a name"),
        pytest.param(b'{"name": "\xff"}', "UTF-8", id="Latin-1"),
        pytest.param(b'{"name": "\xed\xa0\x80"}', "UTF-8", id="half a pair in UTF-8"),
        pytest.param(b'{"name": "x", "age": NaN}', "NaN", id="NaN"),
        pytest.param(b'{"name": "x", "tags": {"n": -Infinity}}', "-Infinity", id="infinity"),
        pytest.param(b'{"name": "x", "tags": {"n": 1e999}}', "finite", id="overflow"),
        pytest.param(b'{"name": "x", "tags": {"n": 9223372036854775808}}', "64 bits", id="65 bits"),
        pytest.param(b'{"name": "x", "tags": {"n": ' + b"9" * 5000 + b"}}", "64 bits", id="5000 digits"),
        pytest.param(b'{"name": "x", "tags": ' + b"[" * 17 + b"]" * 17 + b"}", "levels deep", id="deep"),
        pytest.param(b"[" * 100_000, "levels deep", id="very deep"),
    ],
)
def test_what_cannot_be_used_is_a_bad_request(client: FlaskClient, body: bytes, expected: str) -> None:
    response = client.post("/pets", data=body, content_type="application/json")
    assert expected in assert_failed(response, 400, "bad_request")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"]
)
def test_a_body_that_does_not_claim_to_be_json_is_refused(client: FlaskClient, content_type: str) -> None:
    response = client.post("/pets", data=b'{"name": "Rex"}', content_type=content_type)
    assert "application/json" in assert_failed(response, 400, "bad_request")


def test_a_numbers_smallest_and_largest_value_are_taken(client: FlaskClient) -> None:
    tags = {"low": -(2**63), "high": 2**63 - 1}
    response = client.post("/pets", json={"name": "x", "tags": tags})
    assert response.json is not None
    assert response.json["tags"] == tags


@pytest.mark.parametrize("path", ["/pets/a%00b", "/pets/x?q=%00", "/pets/x?%00=1"])
def test_a_nul_in_the_address_is_a_bad_request(client: FlaskClient, path: str) -> None:
    assert_failed(client.get(path), 400, "bad_request")


@pytest.mark.parametrize("name", ["__name__", "x" * 513])
def test_a_name_that_nothing_can_have_is_not_found(client: FlaskClient, name: str) -> None:
    assert_failed(client.get(f"/pets/{name}"), 404, "not_found")


def test_a_body_beyond_one_mebibyte_is_too_large(client: FlaskClient) -> None:
    body = json.dumps({"name": "x", "tags": {"t": "y" * 1024 * 1024}})
    assert_failed(client.post("/pets", data=body, content_type="application/json"), 413, "too_large")


def test_a_chunked_body_is_measured_too(client: FlaskClient) -> None:
    response = client.post(
        "/pets",
        input_stream=BytesIO(b" " * (1024 * 1024 + 10)),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
    )
    assert_failed(response, 413, "too_large")


def test_a_blueprint_may_take_more_without_the_others_doing_so(deps: Deps) -> None:
    client = client_of(deps, dialect(), large(2 * 1024 * 1024))
    body = json.dumps({"name": "x", "tags": {"t": "y" * 1024 * 1024}})
    assert client.post("/large", data=body, content_type="application/json").status_code == 200
    assert client.post("/pets", data=body, content_type="application/json").status_code == 413
