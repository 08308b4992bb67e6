"""The widget's page and the script that puts it into other pages: plain files, and no code inside the page."""

from __future__ import annotations

import hashlib
import json
from html import escape
from pathlib import Path
from string import Template

from flask import Response, abort, request
from flask_openapi.models import Tag
from pydantic import BaseModel, Field

from shared.channels.widget.config import DEFAULT_GREETING, DEFAULT_TITLE, Language, WidgetConfig
from shared.domain.instances import Instance
from shared.http.app import deps, limit_rate
from shared.http.blueprint import APIBlueprint
from shared.http.limits import WIDGET
from shared.http.times import milliseconds
from shared.http.unknown_names import any_names
from shared.http.visitor_pages import WidgetPath, framing
from shared.usecases.sessions import visitors

_FOLDER = Path(__file__).with_name("assets")
_TYPES = {".js": "text/javascript", ".css": "text/css"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; "
)
_FILES = {path.name: path.read_bytes() for path in _FOLDER.iterdir()}
_VERSION = hashlib.sha256(b"".join(_FILES[name] for name in sorted(_FILES))).hexdigest()[:12]
_PAGE = Template(_FILES["chat.html"].decode())
_PHRASES: dict[str, dict[str, str]] = json.loads(_FILES["words.json"])
_NO_LOOK = b"const LOOK = null;"
_ON_BUTTON = ("title", "closeChat", "newMessage", "newMessages")
"""Words that the script around the chat says."""

api = APIBlueprint("widget_pages", __name__, url_prefix="/widget", abp_tags=[Tag(name="Widget")])
limit_rate(api, WIDGET, methods={"GET"})


class AssetPath(BaseModel):
    name: str


class PageQuery(BaseModel):
    language: Language = Field(default="auto", description="What the page around it is in.")


def _text(kind: str) -> dict[str, object]:
    return {"content": {f"text/{kind}": {"schema": {"type": "string"}}}}


@api.get("/embed.js", responses={200: _text("javascript"), 304: None}, security=[])
@any_names
def embed() -> Response:
    """A script that adds the chat to any page: `<script src="…/widget/embed.js" data-instance="…" async>`.

    It loads the one at `/widget/{instance}/embed.js`, which knows how the widget looks.
    """
    return _file("embed.js", max_age=3600)


@api.get("/assets/<name>", responses={200: {"content": {"text/*": {"schema": {"type": "string"}}}}, 304: None})
@any_names
def asset(path: AssetPath) -> Response:
    """A file of the page; its address changes with its content."""
    return _file(path.name, max_age=30 * 86400)


@api.get("/<instance>", responses={200: _text("html")}, security=[])
@any_names
def page(path: WidgetPath, query: PageQuery) -> Response:
    """A page to chat on, alone or in a frame, in the visitor's language unless the widget or the query has one."""
    instance = visitors.widget(deps(), path.instance)
    config = visitors.config(deps(), instance)
    language = _language(config, query.language)
    phrases = _PHRASES[language]
    values = {f"word_{name}": text for name, text in phrases.items()} | {
        "instance": instance.id,
        "language": language,
        "title": phrases["title"] if config.title == DEFAULT_TITLE else config.title,
        "greeting": phrases["greeting"] if config.greeting == DEFAULT_GREETING else config.greeting,
        "color": config.color,
        "socket": deps().settings.socket_path,
        "version": _VERSION,
        "words": json.dumps(phrases, ensure_ascii=False),
        "settings": json.dumps(_settings(instance, config)),
    }
    response = Response(_PAGE.substitute({name: escape(text) for name, text in values.items()}), mimetype="text/html")
    response.headers["Vary"] = "Accept-Language"
    response.headers["Content-Security-Policy"] = _POLICY + framing(instance)
    response.headers["Cache-Control"] = "no-cache"
    return response


@api.get("/<instance>/embed.js", responses={200: _text("javascript"), 304: None}, security=[])
@any_names
def own_embed(path: WidgetPath) -> Response:
    """The script for this widget, in its color: `<script src="…/widget/{instance}/embed.js" async>`."""
    instance = visitors.widget(deps(), path.instance)
    config = visitors.config(deps(), instance)
    look = {
        "instance": instance.id,
        "color": config.color,
        "title": None if config.title == DEFAULT_TITLE else config.title,
        "language": config.language,
        "words": {language: {name: phrases[name] for name in _ON_BUTTON} for language, phrases in _PHRASES.items()},
    }
    code = _FILES["embed.js"].replace(_NO_LOOK, f"const LOOK = {json.dumps(look)};".encode(), 1)
    return _cached(Response(code, mimetype="text/javascript"), max_age=300)


def _language(config: WidgetConfig, around: Language) -> str:
    for choice in (around, config.language):
        if choice != "auto":
            return choice
    accepted = (tag.partition("-")[0].lower() for tag in request.accept_languages.values())
    return next((tag for tag in accepted if tag in _PHRASES), next(iter(_PHRASES)))


def _settings(instance: Instance, config: WidgetConfig) -> dict[str, object]:
    """What the page does, and whether somebody is there as it is loaded."""
    opening = visitors.opening(deps(), instance)
    is_open = opening is None or opening.is_open
    opens_at = opening.opens_at if opening and not is_open else None
    return {
        "askName": config.ask_name,
        "askEmail": config.ask_email,
        "files": config.visitor_files and deps().settings.files_per_tenant_mb > 0,
        "emailWhenClosed": config.email_when_closed,
        "isOpen": is_open,
        "opensAt": milliseconds(opens_at) if opens_at else None,
    }


def _file(name: str, max_age: int) -> Response:
    kind = _TYPES.get(Path(name).suffix)
    if kind is None or name not in _FILES:
        abort(404)
    response = Response(_FILES[name], mimetype=kind)
    return _cached(response, max_age)


def _cached(response: Response, max_age: int) -> Response:
    response.headers["Cache-Control"] = f"public, max-age={max_age}"
    response.add_etag()
    response.make_conditional(request)
    return response
