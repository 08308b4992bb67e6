"""The console's page at all of its addresses, and the files that the page loads."""

from __future__ import annotations

import re

from flask import Response, abort, redirect, request
from flask_openapi.models import Tag
from pydantic import BaseModel
from werkzeug.wrappers import Response as Answer

from functions.console import assets
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.errors import Failure
from shared.http.limits import origin
from shared.http.unknown_names import any_names

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{sockets}; img-src 'self' data: blob:; "
    "media-src 'self' blob:; font-src 'self'; form-action 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; frame-ancestors 'none'"
)
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_YEAR = 365 * 86400
_HTML = {"content": {"text/html": {"schema": {"type": "string"}}}}
_FILE = {"content": {"text/*": {"schema": {"type": "string"}}}}

api = APIBlueprint("console", __name__, abp_tags=[Tag(name="Console")])


class DeepPath(BaseModel):
    """Where in the console somebody is; the page itself reads it."""

    path: str


class AssetPath(BaseModel):
    version: str
    name: str


@api.get("/", responses={302: None, 404: Failure}, security=[])
@any_names
def front_door() -> Answer:
    """Lead a browser to the console; for programs nothing is served here."""
    if "text/html" not in request.headers.get("Accept", ""):
        abort(404)
    return redirect("/console")


@api.get("/console", responses={200: _HTML, 304: None}, security=[])
@any_names
def page() -> Response:
    """The console's page."""
    return _page()


@api.get("/console/<path:path>", responses={200: _HTML, 304: None}, security=[])
@any_names
def deep_page(path: DeepPath) -> Response:
    """The same page at the address of a screen, of a conversation, …; the page shows what is meant."""
    if path.path.partition("/")[0] == "assets":  # no file has this address, and a page would be taken for one
        abort(404)
    return _page()


@api.get("/console/assets/<version>/<path:name>", responses={200: _FILE, 304: None}, security=[])
@any_names
def asset(path: AssetPath) -> Response:
    """A file of the page. Its address holds the version of all files, so that it may be kept for good."""
    file = assets.asset(path.name)
    if file is None:
        abort(404)
    compressed = file.compressed if request.accept_encodings.quality("gzip") > 0 else None
    response = Response(compressed or file.content, mimetype=file.media_type)
    if compressed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    # While a new version is rolled out a page may meet a process of another one.
    is_present = path.version == assets.version()
    response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable" if is_present else "no-store"
    return _conditional(response)


def _page() -> Response:
    response = Response(assets.page(deps().settings.socket_path), mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY.format(sockets=_sockets())
    response.headers["Cache-Control"] = "no-cache"
    return _conditional(response)


def _sockets() -> str:
    """The page's own WebSockets: some browsers do not take them as meant by 'self'."""
    scheme, _, host = origin(deps(), request).partition("://")
    return f" {scheme.replace('http', 'ws')}://{host}" if _HOST.fullmatch(host) else ""


def _conditional(response: Response) -> Response:
    response.add_etag()
    response.make_conditional(request)
    return response
