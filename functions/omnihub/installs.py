"""Where a provider sends a browser back to after somebody has installed an app in their workspace."""

from __future__ import annotations

from html import escape
from typing import Annotated, Any

from flask import Response
from flask_openapi.models import Tag
from pydantic import BaseModel, Field

from shared.errors import BadRequest, HubError
from shared.http.app import limit_rate
from shared.http.blueprint import APIBlueprint
from shared.http.origin import deps_with_origin
from shared.http.unknown_names import any_names
from shared.security.buckets import Rate
from shared.usecases.instances import installing

_PAGE = "<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1><p>{text}</p>"
_HTML = {"text/html": {"schema": {"type": "string"}}}
_PAGES: dict[Any, Any] = {status: {"content": _HTML} for status in (200, 400, 401, 404, 409, 502, 503)}

api = APIBlueprint("omnihub_installs", __name__, url_prefix="/oauth", abp_tags=[Tag(name="Omni-Hub")])
limit_rate(api, Rate("installs", per_minute=60), methods={"GET"})


class InstallPath(BaseModel):
    channel_name: Annotated[str, Field(max_length=64)]


class InstallQuery(BaseModel):
    """What the provider adds to the address; `error` comes instead of a code when somebody said no."""

    state: Annotated[str, Field(max_length=4096)] = ""
    code: Annotated[str, Field(max_length=2048)] = ""
    error: Annotated[str, Field(max_length=200)] = ""


@api.get("/<channel_name>/callback", responses=_PAGES, security=[])
@any_names
def installed(path: InstallPath, query: InstallQuery) -> Response:
    """Finish an installation that `/qr` gave the address of, and show whether it worked."""
    try:
        if query.error:
            raise BadRequest(f"the provider answered: {query.error}")
        if not query.state or not query.code:
            raise BadRequest("state or code is missing")
        installed = installing.finish(deps_with_origin(), path.channel_name, query.state, query.code)
    except HubError as error:
        return _page(error.status, "Not connected", f"{error.detail}. Ask for a new link and try again.")
    return _page(200, "Connected", f"{installed.display_name or installed.name} is connected. You can close this page.")


def _page(status: int, title: str, text: str) -> Response:
    response = Response(_PAGE.format(title=escape(title), text=escape(text)), status, mimetype="text/html")
    # The address holds the code. Nobody else is told it, which the headers of every answer see to.
    response.headers["Cache-Control"] = "no-store"
    return response
