"""The OpenAPI document tells the truth: whatever is sent, no answer is a 5xx, undocumented, or of another form."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import SecretStr
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from functions.hub.main import blueprints
from shared.deps import Deps
from shared.http.documentation import template
from tests.apps import SETTINGS_ONLY, create_app, openapi

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
REPEATABLE = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


@pytest.fixture
def app(deps: Deps) -> Flask:
    """The whole hub, in which everybody with the key is the owner of the default tenant."""
    keyed = deps.settings.model_copy(update={"api_key": SecretStr("the-key"), "upstream_allowlist": ("127.0.0.1",)})
    return create_app(dataclasses.replace(deps, settings=keyed), blueprints())


# Without the constants of the hub's modules: they are read anew for each app, and each test has its own.
NO_CONSTANTS = schemathesis.Config.from_dict({"analysis": {"constants": {"enabled": False}}})

# From the routes: writing the document takes a second, which every worker would spend to know the names of the tests.
OPERATIONS = sorted(
    (method, template(rule.rule))
    for rule in create_app(SETTINGS_ONLY, blueprints()).url_map.iter_rules()
    for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    if not rule.endpoint.startswith("documentation.")
)


@cache
def _contract() -> Any:
    return schemathesis.openapi.from_dict(openapi(blueprints()), config=NO_CONSTANTS)


def operation_of(app: Flask, method: str, path: str) -> Any:
    """An operation of the document as schemathesis reads it, which `app` is to keep."""
    contract = _contract()
    contract.app = app
    operation = contract[path][method]
    # Schemathesis remembers an operation that has been looked up before, with the app of that time.
    operation.app = app
    return operation


def test_every_route_is_documented() -> None:
    paths = openapi(blueprints())["paths"]
    assert sorted((method.upper(), path) for path in paths for method in paths[path]) == OPERATIONS


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_keeps_its_word(app: Flask, method: str, path: str) -> None:
    operation = operation_of(app, method, path)

    @settings(REPEATABLE, max_examples=8)
    @given(case=operation.as_strategy())
    def answers(case: Any) -> None:
        if path == "/api/pair/status":
            case.query = {"timeout": 0}  # it would wait for somebody to pair
        case.call_and_validate(headers={"Authorization": "Bearer the-key"}, checks=CHECKS)

    answers()
