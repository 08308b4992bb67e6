"""The widget's page and the script that puts it into other pages: plain files, and no code inside the page."""

from __future__ import annotations

import hashlib
from html import escape
from pathlib import Path
from string import Template

from flask import Response, abort, request
from flask_openapi.models import Tag
from pydantic import BaseModel

from functions.widget.origins import framing
from functions.widget.schemas import WidgetPath
from shared.http.app import deps, limit_rate
from shared.http.blueprint import APIBlueprint
from shared.http.limits import WIDGET
from shared.http.unknown_names import any_names
from shared.usecases.sessions import visitors

_FOLDER = Path(__file__).with_name("assets")
_TYPES = {".js": "text/javascript", ".css": "text/css"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; "
)
_FILES = {path.name: path.read_bytes() for path in _FOLDER.iterdir()}
_VERSION = hashlib.sha256(b"".join(_FILES[name] for name in sorted(_FILES))).hexdigest()[:12]
_PAGE = Template(_FILES["chat.html"].decode())

api = APIBlueprint("widget_pages", __name__, url_prefix="/widget", abp_tags=[Tag(name="Widget")])
limit_rate(api, WIDGET, methods={"GET"})


class AssetPath(BaseModel):
    name: str


def _text(kind: str) -> dict[str, object]:
    return {"content": {f"text/{kind}": {"schema": {"type": "string"}}}}


@api.get("/embed.js", responses={200: _text("javascript"), 304: None}, security=[])
@any_names
def embed() -> Response:
    """A script that adds the chat to any page: `<script src="…/widget/embed.js" data-instance="…" async>`."""
    return _file("embed.js", max_age=3600)


@api.get("/assets/<name>", responses={200: {"content": {"text/*": {"schema": {"type": "string"}}}}, 304: None})
@any_names
def asset(path: AssetPath) -> Response:
    """A file of the page; its address changes with its content."""
    return _file(path.name, max_age=30 * 86400)


@api.get("/<instance>", responses={200: _text("html")}, security=[])
@any_names
def page(path: WidgetPath) -> Response:
    """A page to chat on, alone or in a frame."""
    instance = visitors.widget(deps(), path.instance)
    config = visitors.config(deps(), instance)
    values = {
        "instance": instance.id,
        "title": config.title,
        "greeting": config.greeting,
        "color": config.color,
        "socket": deps().settings.socket_path,
        "version": _VERSION,
    }
    response = Response(_PAGE.substitute({name: escape(text) for name, text in values.items()}), mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY + framing(instance)
    response.headers["Cache-Control"] = "no-cache"
    return response


def _file(name: str, max_age: int) -> Response:
    kind = _TYPES.get(Path(name).suffix)
    if kind is None or name not in _FILES:
        abort(404)
    response = Response(_FILES[name], mimetype=kind)
    response.headers["Cache-Control"] = f"public, max-age={max_age}"
    response.add_etag()
    response.make_conditional(request)
    return response
