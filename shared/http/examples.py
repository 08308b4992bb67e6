"""Examples for the OpenAPI document, made from the same schemas, so that they cannot be wrong without being noticed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.http.example_words import BODIES, BY_NAME, FAILURES, ID, MOMENT

Schema = Mapping[str, Any]

_DEEPEST = 8

_TIME = re.compile(r"(?:.*(?:_at|At|_until|Until|Since)|asOf|timestamp|last_activity|last_ping|last_sync)$")


def failure_example(status: int) -> dict[str, str]:
    """What a request that fails with this status may be answered."""
    detail, code = FAILURES.get(status, (f"status {status}", "error"))
    return {"detail": detail, "message": detail, "error": detail, "code": code, "request_id": ID}


def example(schema: Schema, schemas: Mapping[str, Schema], name: str = "", depth: int = 0) -> Any:
    """One value that the schema accepts, by its own example or default, else by the name of what it describes."""
    schema = _resolved(schema, schemas)
    if schema.get("examples"):
        return schema["examples"][0]
    for keyword in ("example", "const"):
        if keyword in schema:
            return schema[keyword]
    if schema.get("enum"):
        preferred = (_word(name, None), schema.get("default"))
        return next((word for word in preferred if word in schema["enum"]), schema["enum"][0])
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return _chosen(choices, schemas, name, depth)
    return _of_type(schema, schemas, name, depth)


def _resolved(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    if "$ref" in schema:
        target = _resolved(schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas)
        return {**target, "default": schema["default"]} if "default" in schema else target
    if len(schema.get("allOf", ())) == 1:
        return {**schema, **_resolved(schema["allOf"][0], schemas)}
    return schema


def _chosen(choices: list[Schema], schemas: Mapping[str, Schema], name: str, depth: int) -> Any:
    if any(choice.get("type") == "null" for choice in choices) and _word(name, ID) is None:
        return None
    return example(next(choice for choice in choices if choice.get("type") != "null"), schemas, name, depth)


def _of_type(schema: Schema, schemas: Mapping[str, Schema], name: str, depth: int) -> Any:
    match schema.get("type"):
        case "object":
            return _object(schema, schemas, depth)
        case "array":
            empty = depth >= _DEEPEST or "items" not in schema or schema.get("maxItems") == 0
            return [] if empty else [example(schema["items"], schemas, name, depth + 1)]
        case "string":
            return _string(schema, name)
        case "integer" | "number":
            return _number(schema, name)
        case "boolean":
            return bool(schema.get("default", True))
        case "null":
            return None
    return {}


def _object(schema: Schema, schemas: Mapping[str, Schema], depth: int) -> dict[str, Any]:
    if depth >= _DEEPEST:
        return {}
    fields, form = schema.get("properties", {}), schema.get("title", "")
    if form in BODIES:
        return BODIES[form]
    return {name: example(field, schemas, f"{form}.{name}", depth + 1) for name, field in fields.items()}


def _word(name: str, unknown: object) -> object:
    """What to say under a name such as `CampaignOut.status`."""
    return BY_NAME.get(name, BY_NAME.get(name.rpartition(".")[2], unknown))


def _string(schema: Schema, name: str) -> str:
    if schema.get("format") == "date-time" or _TIME.fullmatch(name.rpartition(".")[2]):
        return MOMENT
    if isinstance(schema.get("default"), str) and schema["default"]:
        return str(schema["default"])
    sample = _word(name, ID)
    return sample if isinstance(sample, str) else ID


def _number(schema: Schema, name: str) -> Any:
    sample = _word(name, None)
    if isinstance(sample, (int, float)):
        return sample
    default = schema.get("default")
    if isinstance(default, (int, float)):
        return default
    least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    return max(least, 5 if schema.get("maximum", 5) >= 5 else schema["maximum"])
