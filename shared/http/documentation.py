"""The OpenAPI document, made from the models that validate, and Swagger UI to read it with."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app, send_from_directory
from werkzeug.exceptions import HTTPException, NotFound, default_exceptions

from shared.http.blueprint import APIBlueprint
from shared.http.errors import Failure
from shared.http.examples import example, failure_example

OPEN_TO_ALL = "open_to_all"
"""The attribute of a view that wants no credential."""

TAKES = "takes"
"""The attribute of a view that reads its body itself: the media types of it, as in the document."""

SECURED: list[dict[str, list[str]]] = [{"bearer": []}, {"apiKey": []}]
SECURED_OR_OPEN: list[dict[str, list[str]]] = [*SECURED, {}]

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An access token, or an API key."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_INFO = {
    "title": "Omnichannel Hub",
    "version": "1.0.0",
    "description": "Every channel's messages in one place, in five dialects.",
}
_TAGS = {
    "OmniChat auth": "Signing in, and a user's own sessions.",
    "OmniChat channels": "Accounts at providers, as the inbox manages them.",
    "OmniChat templates": "What a channel's provider has approved to be sent at any time.",
    "OmniChat conversations": "Conversations and their messages.",
    "OmniChat inbox": "The conversations that there are to deal with, by view.",
    "OmniChat customers": "Customers, their addresses, and merging two that are one person.",
    "OmniChat notifications": "What a person is told, and what they have read of it.",
    "OmniChat campaigns": "One message to many customers, and what became of it with each of them.",
    "OmniChat audit": "Who has changed what, and whether that log is as it was written.",
    "OmniChat webhooks": "Systems of the business that are told what happens, and what became of telling them.",
    "OmniChat canned replies": "Texts that people send again and again.",
    "OmniChat messages": "Sending, and what waits to be sent.",
    "OmniChat files": "Files to send, kept for a while.",
    "OmniChat front end": "What the front end of OmniChat itself calls beside the API description.",
    "OmniChat agents": "AI agents and external agent services.",
    "OmniChat teams": "Groups of agents that answer together.",
    "OmniChat users": "The people of a tenant.",
    "OmniChat keys": "API keys for programs.",
    "OmniChat business hours": "When the business is open, and what customers are told while it is closed.",
    "OmniChat SLA policies": "Within how many minutes customers are promised an answer.",
    "OmniChat settings": "What holds for the whole tenant.",
    "OmniChat access rules": "Who may write to the business, and who may not.",
    "OmniChat Telegram accounts": "Logging in to a person's own Telegram account.",
    "Omni-Hub": "Instances: accounts at providers, their connection, and installation links.",
    "Dashboard channels": "Channels by type, and whether their credentials work.",
    "Dashboard sessions": "Sessions across all channels.",
    "Dashboard messages": "Messages of sessions, and their files.",
    "Dashboard customers": "Customers, whatever channels they write on.",
    "Dashboard analytics": "Figures over all channels.",
    "Dashboard campaigns": "One message to many customers.",
    "Dashboard routing": "Rules for sessions that begin.",
    "Dashboard notifications": "What needs somebody.",
    "Omega": "Pairing the tenant's only WhatsApp account.",
    "Forge": "Settings of the Forge dialect.",
    "Widget": "The chat on a web page, as its visitors use it.",
    "Console": "The pages on which people answer customers and set the hub up.",
    "System": "How the hub is, and what it can do.",
    "Webhooks": "What providers call.",
}
"""The tags in the order of the page."""

_SCHEMAS = "#/components/schemas/"
_FAILURE = "Error"
_VERBS = ("get", "post", "put", "patch", "delete")

documentation = Blueprint("documentation", __name__)


def template(rule: str) -> str:
    """Write a route as OpenAPI does: `/pets/{id}`."""
    return re.sub(r"<(?:[^<>:]+:)?([^<>]+)>", r"{\1}", rule)


def describe(app: Flask) -> dict[str, Any]:
    """Make the OpenAPI document of all blueprints that the application carries."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {_FAILURE: Failure.model_json_schema()}
    for blueprint in app.blueprints.values():
        if isinstance(blueprint, APIBlueprint):
            blueprint.describe_routes()
            _add(blueprint, paths, schemas)
    views = _views(app)
    tags: set[str] = set()
    for path, item in paths.items():
        for verb in _VERBS:
            if operation := item.get(verb):
                _complete(operation, *views[verb, path])
                _close(operation.get("requestBody", {}).get("content", {}), schemas)
                _illustrate(operation, schemas)
                tags.update(operation.get("tags", ()))
    for name, schema in schemas.items():
        # Generated clients name their classes by the title: two of one name, and one of them is lost.
        schema["title"] = name
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": app.extensions["hub"].settings.public_url or "/"}],
        "tags": [{"name": name, "description": _TAGS.get(name, name)} for name in sorted(tags, key=_place_of_tag)],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SCHEMES},
    }


def _place_of_tag(name: str) -> tuple[int, str]:
    return (list(_TAGS).index(name) if name in _TAGS else len(_TAGS), name)


def _views(app: Flask) -> dict[tuple[str, str], tuple[str, object]]:
    """The endpoint and the view of each operation."""
    return {
        (method.lower(), template(rule.rule)): (rule.endpoint, app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }


def _add(blueprint: APIBlueprint, paths: dict[str, dict[str, Any]], schemas: dict[str, Any]) -> None:
    """Add a blueprint; a model whose name already means something else gets its dialect's name before its own."""
    components = blueprint.components_schemas.items()
    own = {name: _dumped(schema) for name, schema in components if name != _FAILURE}
    names = {name: _free_name(blueprint, name, schema, schemas) for name, schema in own.items()}
    renamed = {name: other for name, other in names.items() if other != name}
    text = json.dumps({"paths": {path: _dumped(item) for path, item in blueprint.paths.items()}, "schemas": own})
    for name, other in renamed.items():
        text = text.replace(f'"{_SCHEMAS}{name}"', f'"{_SCHEMAS}{other}"')
    content = json.loads(text)
    for path, item in content["paths"].items():
        paths.setdefault(path, {}).update(item)
    for name, schema in content["schemas"].items():
        schema.pop("$defs", None)
        schemas[renamed.get(name, name)] = schema


def _free_name(blueprint: APIBlueprint, name: str, schema: Any, schemas: dict[str, Any]) -> str:
    dialect, whole = blueprint.name.partition("_")[0].title(), blueprint.name.title().replace("_", "")
    candidates = (name, dialect + name, whole + name)
    return next(each for each in candidates if schemas.get(each, schema) == schema)


def _dumped(model: Any) -> Any:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def _complete(operation: dict[str, Any], endpoint: str, view: object) -> None:
    operation["operationId"] = endpoint.replace(".", "_")
    if getattr(view, OPEN_TO_ALL, False) or not operation.get("security"):
        operation["security"] = []
    operation["description"] = _description(operation)
    if content := getattr(view, TAKES, None):
        operation["requestBody"] = {"required": True, "content": content}
    statuses = [500, 503]
    if operation.get("security"):
        statuses = [401, 403, *statuses]
    if operation.get("parameters") or operation.get("requestBody"):
        statuses = [400, *statuses]
    if operation.get("requestBody"):
        statuses.append(413)
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
        statuses.append(404)
    for status in sorted(statuses):
        kind: type[HTTPException] = default_exceptions[status]
        operation["responses"].setdefault(
            str(status),
            {
                "description": kind().name,
                "content": {"application/json": {"schema": {"$ref": f"{_SCHEMAS}{_FAILURE}"}}},
            },
        )


def _description(operation: dict[str, Any]) -> str:
    """What the docstring says after its first line, and who may call."""
    text = " ".join(operation.get("description", "").replace("<br/>", " ").split())
    return f"{text} {_callers(operation['security'])}".strip()


def _callers(security: list[dict[str, Any]]) -> str:
    if not security:
        return "Needs no credential."
    names = {name for way in security for name in way}
    needed = "Needs an access token or an API key" if "apiKey" in names else "Needs an access token"
    return f"{needed}{', unless the hub is open to callers without one' if {} in security else ''}."


def _close(value: Any, schemas: dict[str, Any]) -> None:
    """Say of everything in a body that it takes no other fields than those described, unless it does."""
    if isinstance(value, list):
        for item in value:
            _close(item, schemas)
    if not isinstance(value, dict):
        return
    if reference := value.get("$ref"):
        schema = schemas[reference.removeprefix(_SCHEMAS)]
        if "additionalProperties" not in schema and schema.get("type") == "object":
            schema["additionalProperties"] = False
            _close(schema, schemas)
    for item in value.values():
        _close(item, schemas)


def _illustrate(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Add an example to every request body, response body and path parameter."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter.setdefault("example", example(parameter["schema"], schemas, parameter["name"]))
    described_parts = [operation["requestBody"]] if "requestBody" in operation else []
    for status, response in operation["responses"].items():
        media = response.get("content", {}).get("application/json", {})
        if media.get("schema") == {"$ref": f"{_SCHEMAS}{_FAILURE}"}:
            media.setdefault("example", failure_example(int(status)))
        else:
            described_parts.append(response)
    for described in described_parts:
        if media := described.get("content", {}).get("application/json"):
            media.setdefault("example", example(media["schema"], schemas))


@documentation.get("/api/v1/openapi.json")
def openapi() -> Response:
    cache: dict[str, Any] = current_app.extensions
    if "hub_openapi" not in cache:
        cache["hub_openapi"] = current_app.json.dumps(describe(current_app))
    return Response(cache["hub_openapi"], mimetype="application/json")


# Everything the page needs comes from here, so that it works without the internet and under a strict policy.
# Swagger UI sets style attributes and draws its icons from data URIs.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Omnichannel Hub API</title>
<link rel="icon" href="/api/v1/docs/images/swagger.svg">
<link rel="stylesheet" href="/api/v1/docs/css/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/api/v1/docs/js/swagger-ui-bundle.js"></script>
<script src="/api/v1/docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: true,
  presets: [SwaggerUIBundle.presets.apis],
});
"""


@documentation.get("/api/v1/docs")
def docs() -> Response:
    response = Response(_PAGE, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@documentation.get("/api/v1/redoc")
def redoc() -> Response:
    """Lead those who ask for the other usual page to the one that there is."""
    return Response(status=302, headers={"Location": "/api/v1/docs"})


@documentation.get("/api/v1/docs/start.js")
def start() -> Response:
    return Response(_START, mimetype="text/javascript")


@documentation.get("/api/v1/docs/<any(css, images, js):folder>/<name>")
def asset(folder: str, name: str) -> Response:
    """Serve a file of Swagger UI from the package that bundles it."""
    spec = find_spec("flask_openapi_swagger")
    if spec is None or spec.origin is None:
        raise NotFound
    bundle = Path(spec.origin).parent / "templates" / "swagger"
    return send_from_directory(bundle / folder, name, max_age=86400)
