"""Every failure has the one form, and no inside shows."""

from __future__ import annotations

import logging

import pytest
from flask.testing import FlaskClient

from shared.deps import Deps
from tests.http.dialect import assert_failed, client_of


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return client_of(deps)


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("collision", 409, "conflict"),
        ("conflict", 409, "conflict"),
        ("store", 503, "store_unavailable"),
        ("slow", 429, "too_many_requests"),
        ("rejected", 502, "provider_rejected"),
        ("away", 503, "provider_unavailable"),
        ("bug", 500, "internal_error"),
        ("base", 500, "internal_error"),
    ],
)
def test_an_error_has_its_status_and_code(client: FlaskClient, name: str, status: int, code: str) -> None:
    assert_failed(client.get(f"/fails/{name}"), status, code)


@pytest.mark.parametrize(
    ("name", "seconds"), [("store", "1"), ("slow", "13"), ("away", "7"), ("collision", None), ("conflict", None)]
)
def test_whoever_may_try_again_is_told_when(client: FlaskClient, name: str, seconds: str | None) -> None:
    assert client.get(f"/fails/{name}").headers.get("Retry-After") == seconds


@pytest.mark.parametrize("name", ["bug", "base"])
def test_an_unexpected_error_is_for_the_log_only(
    client: FlaskClient, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = client.get(f"/fails/{name}")
    assert assert_failed(response, 500, "internal_error") == "Internal server error"
    assert "hunter2" not in response.text
    assert "hunter2" in caplog.text


def test_an_unknown_address_is_not_found(client: FlaskClient) -> None:
    assert assert_failed(client.get("/nowhere"), 404, "not_found") == "Resource not found"


def test_a_wrong_method_is_told_the_right_ones(client: FlaskClient) -> None:
    response = client.put("/pets")
    assert_failed(response, 405, "method_not_allowed")
    assert "POST" in response.headers["Allow"]


def test_a_static_address_wins_over_a_parameter(client: FlaskClient) -> None:
    assert client.get("/pets/supported").json == {"served by": "supported"}


def test_a_slash_at_the_end_changes_nothing(client: FlaskClient) -> None:
    assert client.post("/pets/", json={"name": "Rex"}).status_code == 200
