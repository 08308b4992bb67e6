"""The OpenAPI document is whole: who reads it needs nothing else to call any operation."""

from __future__ import annotations

from typing import Any, cast

import jsonschema_rs
import pytest

from functions.hub.main import blueprints
from shared.deps import Deps
from tests.apps import create_app

DOCUMENT: dict[str, Any] = cast(
    "dict[str, Any]",
    create_app(cast("Deps", None), blueprints()).test_client().get("/api/v1/openapi.json").get_json(),
)
OPERATIONS: list[tuple[str, str, dict[str, Any]]] = [
    (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
every_operation = pytest.mark.parametrize(
    ("path", "operation"),
    [pytest.param(path, operation, id=f"{method} {path}") for method, path, operation in OPERATIONS],
)

WITHOUT_CREDENTIAL = (
    "/webhook/",
    "/api/telegram/bot/",
    "/api/facebook/webhook",
    "/api/auth/register",
    "/api/auth/login",
    "/api/auth/refresh",
    "/health",
    "/capabilities",
    "/widget/",
    "/oauth/",
    "/sessions/join",
)


def _json_parts(operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The JSON that goes in and out, each with where it is."""
    parts = {"request": operation.get("requestBody", {}), **operation["responses"]}
    found = [(where, part.get("content", {}).get("application/json")) for where, part in parts.items()]
    return [(where, media) for where, media in found if media]


@every_operation
def test_it_says_in_a_sentence_what_it_does(path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"].endswith((".", "`"))
    assert operation["tags"]
    assert operation["operationId"]


def test_operations_have_ids_of_their_own() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)


@every_operation
def test_it_names_the_credential_that_it_wants(path: str, operation: dict[str, Any]) -> None:
    assert "security" in operation
    schemes = {name for each in operation["security"] for name in each}
    assert schemes <= set(DOCUMENT["components"]["securitySchemes"])
    assert schemes or path.startswith(WITHOUT_CREDENTIAL), "an operation without a credential needs a reason"


@every_operation
def test_it_tells_how_it_may_fail(path: str, operation: dict[str, Any]) -> None:
    told = set(operation["responses"])
    named = {parameter["in"] for parameter in operation.get("parameters", ())}
    expected = {"500", "503"}
    if {"bearer"} & {name for each in operation["security"] for name in each}:
        expected |= {"401", "403"}
    if named or "requestBody" in operation:
        expected.add("400")
    if "path" in named:
        expected.add("404")
    if "requestBody" in operation:
        expected.add("413")
    if path.startswith(("/api/auth/", "/widget/", "/webhook/")):
        expected.add("429")
    assert expected <= told
    assert {status for status in told if status < "400"}, "nothing is said of success"


@every_operation
def test_its_examples_are_what_its_schemas_accept(path: str, operation: dict[str, Any]) -> None:
    for where, media in _json_parts(operation):
        assert "example" in media, where
        schema = {**media["schema"], "components": DOCUMENT["components"]}
        jsonschema_rs.Draft202012Validator(schema).validate(media["example"])
    for parameter in operation.get("parameters", ()):
        assert parameter["in"] != "path" or "example" in parameter
