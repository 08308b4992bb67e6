"""What every response contains, in each dialect."""

from __future__ import annotations

import logging

import pytest
from flask.testing import FlaskClient

from shared.deps import Deps
from shared.errors import ConfigurationInvalid
from tests.apps import create_app
from tests.http.dialect import client_of, dialect

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return client_of(deps)


@pytest.mark.parametrize("path", ["/open", "/nowhere", "/fails/bug"])
def test_every_answer_has_the_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers


def test_https_is_insisted_on_once_it_is_there(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" in client.get("/open", base_url="https://hub.example").headers
    assert "Strict-Transport-Security" in client.get("/open", headers={"X-Forwarded-Proto": "https"}).headers


def test_a_request_id_is_given_back(client: FlaskClient) -> None:
    assert client.get("/open", headers={"X-Request-ID": "abc-123"}).headers["X-Request-ID"] == "abc-123"


@pytest.mark.parametrize("request_id", ["", "with space", "x" * 200, 'quote"'])
def test_a_request_id_that_could_do_harm_is_replaced(client: FlaskClient, request_id: str) -> None:
    new_id = client.get("/open", headers={"X-Request-ID": request_id}).headers["X-Request-ID"]
    assert new_id
    assert new_id != request_id


def test_the_access_log_says_what_was_asked_and_nothing_private(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="access"):
        client.get("/pets/rex?token=hunter2", headers={"traceparent": PARENT})
    [line] = [record for record in caplog.records if record.name == "access"]
    logged = vars(line)
    assert (logged["method"], logged["route"], logged["status"]) == ("GET", "/pets/<name>", 400)
    assert logged["milliseconds"] >= 0
    assert "hunter2" not in repr(logged)
    assert "rex" not in repr(logged)


def test_an_address_without_a_route_is_logged_as_that(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="access"):
        client.get("/secret-things")
    [line] = [record for record in caplog.records if record.name == "access"]
    assert vars(line)["route"] == "(no route)"


def test_times_have_the_dialects_form(client: FlaskClient) -> None:
    assert client.get("/times").json == {"seconds": "2026-01-02T03:04:05Z", "millis": "2026-01-02T03:04:05.678Z"}


def test_a_time_in_a_plain_answer_has_milliseconds(client: FlaskClient) -> None:
    assert client.get("/open").json == {"at": "2026-01-02T03:04:05.678Z"}


def test_two_blueprints_cannot_serve_the_same_route(deps: Deps) -> None:
    with pytest.raises(ConfigurationInvalid, match="served twice"):
        create_app(deps, [dialect(), dialect(name="pets_again")])
