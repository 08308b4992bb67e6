"""The OpenAPI document is whole: who reads it needs nothing else to call any operation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs

from functions.hub.main import blueprints
from shared.http.example_words import ID
from tests.apps import openapi

WITHOUT_CREDENTIAL = (
    "/webhook/",
    "/api/telegram/bot/",
    "/api/facebook/webhook",
    "/api/auth/register",
    "/api/auth/login",
    "/api/auth/refresh",
    "/api/auth/link",
    "/api/auth/setup",
    "/api/tenants/{tenant_id}/facebook/",
    "/health",
    "/capabilities",
    "/widget/",
    "/console",
    "/oauth/",
    "/sessions/join",
    "/media/{attachment_id}/content",
)


@cache
def document() -> dict[str, Any]:
    """Not when the module is read: writing it takes two seconds, which each worker would spend."""
    return openapi(blueprints())


@cache
def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]


def _json_parts(operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The JSON that goes in and out, each with where it is."""
    parts = {"request": operation.get("requestBody", {}), **operation["responses"]}
    bodies = [(where, part.get("content", {}).get("application/json")) for where, part in parts.items()]
    return [(where, media) for where, media in bodies if media]


def test_every_operation_says_in_a_sentence_what_it_does() -> None:
    for method, path, operation in operations():
        assert operation["summary"].endswith((".", "`")), f"{method} {path}"
        assert operation["tags"], f"{method} {path}"
        assert operation["operationId"], f"{method} {path}"


def test_every_operation_says_who_may_call_it() -> None:
    for method, path, operation in operations():
        assert operation["description"].endswith((" credential.", " key.", " token.", " without one.")), (
            f"{method} {path}"
        )


def test_operations_have_ids_of_their_own_which_clients_can_use_as_names() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", id_) for id_ in ids), ids


def test_schemas_have_titles_of_their_own_because_clients_name_their_classes_so() -> None:
    titles = {name: schema["title"] for name, schema in document()["components"]["schemas"].items()}
    assert titles == {name: name for name in titles}


def test_every_answer_in_json_says_which_fields_it_has() -> None:
    for name, schema in document()["components"]["schemas"].items():
        if name.endswith("Out") and schema.get("type") == "object":
            assert schema.get("properties"), name


def _texts_by_name(value: Any, name: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts_by_name(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _texts_by_name(item, name)
    else:
        yield name, value


def test_examples_have_an_id_only_where_one_belongs() -> None:
    for method, path, operation in operations():
        for where, media in _json_parts(operation):
            for name, value in _texts_by_name(media["example"]):
                assert value != ID or name.lower().endswith(("id", "ids")), f"{method} {path}: {where}: {name}"


def test_every_tag_is_explained_and_used() -> None:
    tags = {tag["name"]: tag["description"] for tag in document()["tags"]}
    assert set(tags) == {tag for _, _, operation in operations() for tag in operation["tags"]}
    assert all(description.endswith(".") for description in tags.values())


def _schemes(operation: dict[str, Any]) -> set[str]:
    return {name for alternative in operation["security"] for name in alternative}


def test_every_operation_names_its_credential_or_has_a_reason_to_need_none() -> None:
    for method, path, operation in operations():
        schemes = _schemes(operation)
        assert schemes <= set(document()["components"]["securitySchemes"]), f"{method} {path}"
        assert schemes or path == "/" or path.startswith(WITHOUT_CREDENTIAL), (
            f"{method} {path} needs a reason to be open"
        )


def _failures(path: str, operation: dict[str, Any]) -> set[str]:
    """The statuses that an operation of this form can be answered with when it fails."""
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    failures = {"500", "503"}
    if "bearer" in _schemes(operation):
        failures |= {"401", "403"}
    if places or "requestBody" in operation:
        failures.add("400")
    if "path" in places:
        failures.add("404")
    if "requestBody" in operation:
        failures.add("413")
    if path.startswith(("/api/auth/", "/widget/", "/webhook/")):
        failures.add("429")
    return failures


def test_every_operation_says_how_it_succeeds_and_how_it_may_fail() -> None:
    for method, path, operation in operations():
        statuses = set(operation["responses"])
        assert _failures(path, operation) <= statuses, f"{method} {path}"
        assert {status for status in statuses if status < "400"}, f"{method} {path}"


@cache
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    """Of a schema that refers to the document's components; compiling those takes longer than a hundred validations."""
    return jsonschema_rs.Draft202012Validator({**json.loads(schema), "components": document()["components"]})


def test_every_example_is_what_its_schema_accepts() -> None:
    for method, path, operation in operations():
        for where, media in _json_parts(operation):
            assert "example" in media, f"{method} {path}: {where}"
            _validator(json.dumps(media["schema"])).validate(media["example"])
        for parameter in operation.get("parameters", ()):
            assert parameter["in"] != "path" or "example" in parameter, f"{method} {path}"
