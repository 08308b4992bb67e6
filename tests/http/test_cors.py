"""Which web pages may call."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.deps import Deps
from shared.http.guards import Access
from tests.http.dialect import client_of, dialect, large

SHOP = "https://shop.example"


def _allowed(deps: Deps, origin: str, **settings: object) -> str | None:
    response = client_of(deps, **settings).get("/open", headers={"Origin": origin})
    assert "Origin" in response.headers["Vary"]
    return response.headers.get("Access-Control-Allow-Origin")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:5173", True),
        ("http://localhost", True),
        ("http://127.0.0.1:3000", True),
        ("http://[::1]:5173", True),
        ("http://[::2]:5173", False),
        ("https://localhost:8443", True),
        ("http://localhost.evil.example", False),
        ("http://localhost:80@evil.example", False),
        ("http://192.168.1.5:3000", False),
        (SHOP, False),
        ("null", False),
        ("", False),
    ],
)
def test_development_lets_local_pages_in(deps: Deps, origin: str, allowed: bool) -> None:
    assert _allowed(deps, origin) == (origin if allowed else None)


@pytest.mark.parametrize("origin", ["http://localhost:5173", SHOP])
def test_production_lets_nobody_in_unless_told(deps: Deps, origin: str) -> None:
    assert _allowed(deps, origin, environment="production") is None


@pytest.mark.parametrize("environment", ["development", "production"])
@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (SHOP, True),
        ("https://desk.example", True),
        ("http://shop.example", False),
        ("https://shop.example.evil.example", False),
        ("http://localhost:5173", False),
        ("*", False),
    ],
)
def test_the_setting_says_who_comes_in(deps: Deps, environment: str, origin: str, allowed: bool) -> None:
    listed = (SHOP, "https://desk.example")
    assert _allowed(deps, origin, environment=environment, cors_origin=listed) == (origin if allowed else None)


@pytest.mark.parametrize("access", list(Access))
def test_a_preflight_needs_no_credential(deps: Deps, access: Access) -> None:
    client = client_of(deps, dialect(access), environment="production", cors_origin=(SHOP,))
    headers = {
        "Origin": SHOP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    response = client.options("/pets", headers=headers)
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == SHOP
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    for header in ("Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID"):
        assert header in response.headers["Access-Control-Allow-Headers"]


def test_a_page_may_page_poll_and_save_files(deps: Deps) -> None:
    client, origin = client_of(deps), {"Origin": "http://localhost:5173"}
    headers = origin | {"Access-Control-Request-Method": "GET"}
    may_be_sent = client.options("/pets", headers=headers).headers["Access-Control-Allow-Headers"].split(", ")
    may_be_read = client.get("/open", headers=origin).headers["Access-Control-Expose-Headers"].split(", ")
    assert {"If-None-Match", "Range"} <= set(may_be_sent)
    assert {"ETag", "X-Next-Cursor", "Retry-After", "Content-Disposition", "Content-Range"} <= set(may_be_read)


def _preflight(client: FlaskClient, path: str, method: str, headers: str, origin: str) -> TestResponse:
    preflight = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return client.options(path, headers={"Origin": origin} | preflight)


def test_a_dashboard_may_send_the_headers_it_adds_to_every_call(deps: Deps) -> None:
    headers = "content-type, x-client-version, x-service, not a name"
    answer = _preflight(client_of(deps), "/pets", "GET", headers, "http://localhost:5173")
    allowed = [name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")]
    assert {"x-client-version", "x-service", "content-type", "authorization"} <= set(allowed)
    assert len(set(allowed)) == len(allowed)
    assert "not a name" not in allowed


@pytest.mark.parametrize(("origin", "headers"), [("http://localhost:5173", {"x-service"}), (SHOP, set())])
def test_a_preflight_of_an_address_that_is_not_there_is_answered(deps: Deps, origin: str, headers: set[str]) -> None:
    answer = _preflight(client_of(deps), "/nowhere", "PUT", "x-service", origin)
    assert answer.status_code == 204
    allowed = answer.headers.get("Access-Control-Allow-Headers", "")
    assert headers <= set(allowed.split(", "))
    assert bool(allowed) == bool(headers)


def test_where_no_page_may_call_nothing_is_answered_to_a_preflight(deps: Deps) -> None:
    answer = _preflight(client_of(deps, large(100)), "/nowhere", "GET", "x-service", "http://localhost:5173")
    assert answer.status_code == 404
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_preflight_of_a_stranger_gets_nothing(deps: Deps) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    response = client_of(deps).options("/pets", headers=headers)
    assert response.status_code == 204
    assert not [name for name, _ in response.headers if name.startswith("Access-Control")]


def test_a_page_may_read_failures_too(deps: Deps) -> None:
    client = client_of(deps, dialect(Access.CREDENTIAL))
    response = client.get("/whoami", headers={"Origin": "http://localhost:5173"})
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == "http://localhost:5173"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/pets", 405)])
@pytest.mark.parametrize("origin", ["http://localhost:5173", SHOP])
def test_a_page_may_read_that_there_is_nothing(deps: Deps, method: str, path: str, status: int, origin: str) -> None:
    client = client_of(deps, dialect(), large(100))
    response = client.open(path, method=method, headers={"Origin": origin})
    assert response.status_code == status
    expected = [origin] if origin != SHOP else []
    assert response.headers.getlist("Access-Control-Allow-Origin") == expected


def test_a_dialect_that_is_not_for_browsers_says_nothing(deps: Deps) -> None:
    response = client_of(deps, large(100)).post(
        "/large", json={"name": "x"}, headers={"Origin": "http://localhost:5173"}
    )
    assert response.status_code == 200
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("access", list(Access))
def test_asking_for_the_methods_alone_needs_no_credential(deps: Deps, access: Access) -> None:
    response = client_of(deps, dialect(access), environment="production").options("/pets")
    assert response.status_code == 200
    assert "POST" in response.headers["Allow"]
