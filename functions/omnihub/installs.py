"""Installing an app in a workspace, in a browser: the page that begins it, and the one that people come back to."""

from __future__ import annotations

import secrets
from html import escape
from typing import Annotated, Any
from urllib.parse import urlsplit

from flask import Response, request
from flask_openapi.models import Tag
from pydantic import BaseModel, Field

from shared.errors import BadRequest, HubError
from shared.http.app import limit_rate
from shared.http.blueprint import APIBlueprint
from shared.http.origin import deps_with_origin
from shared.http.unknown_names import any_names
from shared.security.buckets import Rate
from shared.security.tokens import fingerprint
from shared.usecases.instances import installing

_PAGE = "<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1>{content}"
_FORM = (
    "<p>This connects an account at {provider} to the channel {channel} of {tenant}: whoever works there reads and "
    "answers its messages. Go on only if you know them."
    '<form method="post"><input name="link" type="hidden" value="{link}"><button>Continue</button></form>'
)
_HTML = {"text/html": {"schema": {"type": "string"}}}
_PAGES: dict[Any, Any] = {status: {"content": _HTML} for status in (200, 400, 401, 404, 409, 502, 503)}

api = APIBlueprint("omnihub_installs", __name__, url_prefix="/oauth", abp_tags=[Tag(name="Omni-Hub")])
limit_rate(api, Rate("installs", per_minute=60), methods={"GET", "POST"})


class InstallPath(BaseModel):
    channel_name: Annotated[str, Field(max_length=64)]


class LinkQuery(BaseModel):
    """What the address of `/qr` ends with."""

    link: Annotated[str, Field(max_length=200)] = ""


class InstallQuery(BaseModel):
    """What the provider adds to the address; `error` comes instead of a code when somebody said no."""

    state: Annotated[str, Field(max_length=4096)] = ""
    code: Annotated[str, Field(max_length=2048)] = ""
    error: Annotated[str, Field(max_length=200)] = ""


@api.get("/<channel_name>/start", responses=_PAGES, security=[])
@any_names
def offer(path: InstallPath, query: LinkQuery) -> Response:
    """Say what a link of `/qr` connects; opening it, as previews of messages do, begins nothing."""
    try:
        beginning = installing.look_up(deps_with_origin(), path.channel_name, query.link)
    except HubError as error:
        return _failure(error)
    provider = urlsplit(beginning.provider_url)
    content = _FORM.format(
        provider=escape(provider.netloc),
        channel=escape(beginning.instance.name),
        tenant=escape(beginning.tenant_name),
        link=escape(query.link),
    )
    # Browsers apply the policy of forms to where these are redirected, too.
    return _page(200, "Connect an account", content, f"'self' {provider.scheme}://{provider.netloc}")


@api.post("/<channel_name>/start", responses={303: None, **_PAGES}, security=[])
def begin(path: InstallPath, form: LinkQuery) -> Response:
    """Begin an installation in this browser, which alone can finish it, and go to the provider."""
    deps = deps_with_origin()
    browser = request.cookies.get(_cookie(form.link)) or secrets.token_urlsafe(32)
    try:
        provider_url = installing.begin(deps, path.channel_name, form.link, browser)
    except HubError as error:
        return _failure(error)
    response = Response(status=303, headers={"Location": provider_url})
    response.set_cookie(
        _cookie(form.link),
        browser,
        max_age=installing.VALID,
        path="/oauth/",
        secure=(deps.settings.own_address or "").startswith("https://"),
        httponly=True,
        samesite="Lax",
    )
    return response


@api.get("/<channel_name>/callback", responses=_PAGES, security=[])
@any_names
def installed(path: InstallPath, query: InstallQuery) -> Response:
    """Finish an installation that was begun in this browser, and show whether it worked."""
    try:
        if query.error:
            raise BadRequest(f"the provider answered: {query.error}")
        if not query.state or not query.code:
            raise BadRequest("state or code is missing")
        browser = request.cookies.get(_cookie(query.state), "")
        installed = installing.finish(deps_with_origin(), path.channel_name, query.state, query.code, browser)
    except HubError as error:
        return _failure(error)
    name = escape(installed.display_name or installed.name)
    return _page(200, "Connected", f"<p>{name} is connected. You can close this page.")


def _cookie(link: str) -> str:
    """One for each link, so that several installations may go on at once."""
    return f"install_{fingerprint(link)[:16]}"


def _failure(error: HubError) -> Response:
    return _page(error.status, "Not connected", f"<p>{escape(error.detail)}. Ask for a new link and try again.")


def _page(status: int, title: str, content: str, form_action: str = "'none'") -> Response:
    response = Response(_PAGE.format(title=escape(title), content=content), status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; form-action {form_action}; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    return response
