"""The page that an account link opens, for people whose client has none of its own: a form, and no script."""

from __future__ import annotations

from html import escape

from flask import Response, request
from flask_openapi.models import Tag

from functions.omnichat.schemas import LinkIn, LinkQuery
from shared.domain.accounts import LinkPurpose
from shared.errors import HubError
from shared.http.app import deps, limit_rate
from shared.http.blueprint import APIBlueprint
from shared.http.limits import LINKS, device
from shared.usecases.accounts import links

_POLICY = "default-src 'none'; form-action {form_action}; base-uri 'none'; frame-ancestors 'none'"
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{title}</title><h1>{title}</h1>{content}</html>"
)
_TITLES = {
    LinkPurpose.SETUP: "Set up this hub",
    LinkPurpose.INVITATION: "Accept the invitation",
    LinkPurpose.RESET: "Choose a new password",
}
_EMAIL = '<p><label>E-mail address<br><input name="email" type="email" required maxlength="254"></label>'
_TENANT = '<p><label>Name of the business<br><input name="tenantName" maxlength="200"></label>'
_NAME = '<p><label>Your name<br><input name="name" maxlength="200" autocomplete="name"></label>'
_CHOICE = (
    '<p><label>Password, 8 characters or more<br><input name="password" type="password" autocomplete="new-password" '
    'required minlength="8" maxlength="1024"></label>'
)
_FIELDS = {LinkPurpose.SETUP: _EMAIL + _NAME + _TENANT, LinkPurpose.INVITATION: _NAME, LinkPurpose.RESET: ""}
_HTML = {"content": {"text/html": {"schema": {"type": "string"}}}}

api = APIBlueprint("omnichat_link_pages", __name__, url_prefix=links.PATH, abp_tags=[Tag(name="OmniChat auth")])
limit_rate(api, LINKS, methods={"GET", "POST"})


@api.get("", responses={200: _HTML, 401: _HTML}, security=[])
def page(query: LinkQuery) -> Response:
    """The page of an account link, on which its holder chooses a password."""
    try:
        link = links.look_up(deps(), query.token)
    except HubError as error:
        return _failure(error)
    token = f'<input name="token" type="hidden" value="{escape(query.token)}">'
    person = f"<p>For {escape(link.email)}" if link.email else ""
    fields = f"{person}{token}{_FIELDS[link.purpose]}{_CHOICE}<p><button>OK</button>"
    return _page(
        200, _TITLES[link.purpose], f'<form method="post" action="{links.PATH}/form">{fields}</form>', "'self'"
    )


@api.post("/form", responses={200: _HTML, 400: _HTML, 401: _HTML, 409: _HTML}, security=[])
def submit(form: LinkIn) -> Response:
    """Do what the link is for, with what was entered on its page."""
    try:
        session = links.follow(deps(), form.token, form.choices(), device(deps(), request))
    except HubError as error:
        return _failure(error)
    return _page(200, "Done", f"<p>You can sign in now as {escape(session.user.email)}.")


def _failure(error: HubError) -> Response:
    return _page(error.status, "This did not work", f"<p>{escape(error.detail)}.")


def _page(status: int, title: str, content: str, form_action: str = "'none'") -> Response:
    response = Response(_PAGE.format(title=title, content=content), status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY.format(form_action=form_action)
    return response
