"""The page that an account link opens, for people whose client has none of its own: a form, and no script."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from flask import Response, request
from flask_openapi.models import Tag

from functions.omnichat.schemas import LinkIn, LinkQuery
from shared.domain.accounts import LinkPurpose
from shared.errors import HubError
from shared.http import refresh_cookie, session_cookie
from shared.http.app import deps, limit_rate
from shared.http.blueprint import APIBlueprint
from shared.http.guards import record_strangers
from shared.http.limits import LINKS, device
from shared.http.local_access import is_own_origin
from shared.usecases.accounts import links

_STYLE = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "body{margin:0;min-height:100vh;display:grid;place-items:center;"
    "background:light-dark(#f6f7f9,#14161a);color:light-dark(#1b1f27,#e8eaee)}"
    "main{box-sizing:border-box;width:min(26rem,100%);padding:2rem;border-radius:12px;"
    "background:light-dark(#fff,#1d2026);border:1px solid light-dark(#d9dde5,#32363f)}"
    "h1{margin:0 0 1rem;font-size:1.375rem}p{margin:0 0 1rem;overflow-wrap:anywhere}label{font-weight:600}"
    "input,button{box-sizing:border-box;width:100%;min-height:44px;margin-top:.25rem;padding:.5rem .75rem;"
    "border:1px solid light-dark(#7a8394,#808897);border-radius:8px;font:inherit;background:transparent;color:inherit}"
    "button{border:0;background:#2456d6;color:#fff;font-weight:600;cursor:pointer}"
    ":focus-visible{outline:2px solid light-dark(#2456d6,#8fb0ff);outline-offset:2px}a{color:inherit}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    "default-src 'none'; form-action {form_action}; base-uri 'none'; "
    f"style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"
)
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    f"<title>{{title}}</title><style>{_STYLE.replace('{', '{{').replace('}', '}}')}</style>"
    "<main><h1>{title}</h1>{content}</main></html>"
)
_CONSOLE = "/console"
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
record_strangers(api)


@api.get("", responses={200: _HTML, 401: _HTML}, security=[])
def page(query: LinkQuery) -> Response:
    """The page of an account link, on which its holder chooses a password."""
    try:
        link = links.look_up(deps(), query.token)
    except HubError as error:
        return _failure(error)
    token = f'<input name="token" type="hidden" value="{escape(query.token)}">'
    person = f"<p>For {escape(link.email)}" if link.email else ""
    fields = f"{person}{token}{_FIELDS[link.purpose]}{_CHOICE}<p><button>Continue</button>"
    form = f'<form method="post" action="{links.PATH}/form">{fields}</form>'
    response = _page(200, _TITLES[link.purpose], form, "'self'")
    # Without a referrer a browser says of the form's origin that it is none.
    response.headers["Referrer-Policy"] = "same-origin"
    return response


@api.post("/form", responses={200: _HTML, 303: None, 400: _HTML, 401: _HTML, 409: _HTML}, security=[])
def submit(form: LinkIn) -> Response:
    """Do what the link is for, with what was entered on its page, and lead on to the console."""
    try:
        session = links.follow(deps(), form.token, form.choices(), device(deps(), request))
    except HubError as error:
        return _failure(error)
    if not is_own_origin(deps().settings, request):  # a page of somebody else could sign its visitors in as somebody
        return _page(200, "Done", f"<p>You can sign in now as {escape(session.user.email)}.")
    response = Response(status=303, headers={"Location": _CONSOLE})
    session_cookie.set_on(deps().settings, request, response, session.cookie)
    refresh_cookie.set_on(deps().settings, request, response, session.refresh_token)
    return response


def _failure(error: HubError) -> Response:
    return _page(error.status, "This did not work", f"<p>{escape(error.detail)}.")


def _page(status: int, title: str, content: str, form_action: str = "'none'") -> Response:
    response = Response(_PAGE.format(title=title, content=content), status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY.format(form_action=form_action)
    return response
