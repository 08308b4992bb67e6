"""The dialect as a whole: its routes and its document."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from functions.omnichat.main import blueprints
from shared.deps import Deps
from tests.apps import create_app

OPEN = {
    ("post", "/api/auth/register"),
    ("get", "/api/auth/login"),
    ("post", "/api/auth/login"),
    ("post", "/api/auth/refresh"),
    ("post", "/api/auth/setup"),
    ("get", "/api/auth/link"),
    ("post", "/api/auth/link"),
    ("post", "/api/auth/link/form"),
    ("get", "/api/tenants/{tenant_id}/facebook/platforms/facebook/login"),
}


@pytest.fixture
def app(deps: Deps) -> Flask:
    return create_app(deps, blueprints())


def _operations(app: Flask) -> dict[tuple[str, str], dict[str, Any]]:
    document = app.test_client().get("/api/v1/openapi.json").json
    assert document is not None
    return {(method, path): operation for path, item in document["paths"].items() for method, operation in item.items()}


def test_everything_but_signing_in_wants_a_credential(app: Flask) -> None:
    client = app.test_client()
    for method, path in _operations(app):
        answer = client.open(re.sub(r"\{\w+\}", "x", path), method=method.upper(), json={})
        # The page of an account link answers 401 for a link that is not good, and asks for no credential.
        wants_credential = answer.status_code == 401 and answer.headers.get("WWW-Authenticate") == "Bearer"
        assert wants_credential != ((method, path) in OPEN), (method, path, answer.status_code)


def test_the_document_agrees(app: Flask) -> None:
    operations = _operations(app)
    assert {route for route, operation in operations.items() if not operation["security"]} == OPEN
    assert len({operation["operationId"] for operation in operations.values()}) == len(operations)


def test_every_route_is_documented(app: Flask) -> None:
    served = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.endpoint.startswith("documentation.")
    }
    assert set(_operations(app)) == served


def test_every_reference_leads_somewhere(app: Flask) -> None:
    document = app.test_client().get("/api/v1/openapi.json").json
    assert document is not None
    assert set(re.findall(r"#/components/schemas/([\w.-]+)", str(document))) <= set(document["components"]["schemas"])
