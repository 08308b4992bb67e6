"""Signing up, in, and staying signed in."""

from __future__ import annotations

from flask import Response, request
from flask_openapi.models import Tag
from werkzeug.exceptions import MethodNotAllowed

from functions.omnichat.people_schemas import (
    LogoutIn,
    PageQuery,
    PasswordIn,
    SignInOut,
    SignInPath,
    SignInsOut,
)
from functions.omnichat.schemas import (
    ChoiceOut,
    LinkIn,
    LoginIn,
    MeOut,
    RefreshIn,
    RegisterIn,
    SessionOut,
    SetupIn,
    UserOut,
)
from functions.omnichat.vocabulary import VOCABULARY
from shared.errors import BadRequest
from shared.http import refresh_cookie, session_cookie
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, open_to_all, own_account, protect, record_strangers
from shared.http.limits import LINKS, charge, client_address, device
from shared.usecases.accounts import accounts, links, sign_ins

api = APIBlueprint(
    "omnichat_auth", __name__, vocabulary=VOCABULARY, url_prefix="/api/auth", abp_tags=[Tag(name="OmniChat auth")]
)
cors(api)
record_strangers(api)
protect(api, Access.CREDENTIAL)


@api.before_request
def _check_page() -> None:
    """A page that may not have the cookie is refused before anything is done: a link works once, a password changes."""
    refresh_cookie.is_asked_for(deps().settings, request)


@api.post("/register", responses={201: SessionOut, 403: Failure, 409: Failure})
@open_to_all
def register(body: RegisterIn) -> Response:
    """Make a tenant and the user who owns it, unless registration is closed here."""
    session = accounts.register(deps(), body.email, body.password, body.name, body.tenant_name, device(deps(), request))
    return _signed_in(session, SessionOut.of(session), 201)


@api.post("/login", responses={200: ChoiceOut, 401: Failure})
@open_to_all
def login(body: LoginIn) -> Response:
    """Sign in: to the tenant that is named, else to the first of those where the password is right."""
    session, tenants = accounts.login(deps(), body.email, body.password, device(deps(), request), body.tenant_id)
    form = ChoiceOut.of_all(session, tenants) if len(tenants) > 1 else SessionOut.of(session)
    return _signed_in(session, form)


@api.get("/login", responses={302: None, 405: Failure})
@open_to_all
def sign_in_page() -> Response:
    """Lead a browser to the front end's page for signing in: it comes here when its session has ended."""
    if "text/html" not in request.headers.get("Accept", ""):
        raise MethodNotAllowed(valid_methods=["POST"])
    return Response(status=302, headers={"Location": "/#/login"})


@api.post("/refresh", responses={200: SessionOut, 401: Failure})
@open_to_all
def refresh(body: RefreshIn) -> Response:
    """Exchange a refresh token, once, for new tokens.

    A page of the hub's own that sends `X-Refresh-Token: cookie` here, and wherever a session begins, has the refresh
    token kept in a cookie that no script can read.
    """
    token = refresh_cookie.of(request) if refresh_cookie.is_asked_for(deps().settings, request) else body.refresh_token
    if token is None:
        raise BadRequest.of_field("refresh_token", "is missing")
    session = sign_ins.refresh(deps(), token, client_address(deps(), request))
    return _signed_in(session, SessionOut.of(session))


@api.post("/setup", responses={201: SessionOut, 401: Failure, 409: Failure})
@open_to_all
def set_up(body: SetupIn) -> Response:
    """Become the first owner of the hub's own tenant, by the token of the set-up link."""
    charge(deps(), LINKS, client_address(deps(), request))
    session = links.set_up(deps(), body.token, body.choices(), device(deps(), request))
    return _signed_in(session, SessionOut.of(session), 201)


@api.post("/link", responses={200: SessionOut, 401: Failure, 409: Failure})
@open_to_all
def follow_link(body: LinkIn) -> Response:
    """Do what an account link is for, once, with a password of the holder's choice."""
    charge(deps(), LINKS, client_address(deps(), request))
    session = links.follow(deps(), body.token, body.choices(), device(deps(), request))
    return _signed_in(session, SessionOut.of(session))


@api.post("/logout", responses={204: None})
@own_account
def sign_out(body: LogoutIn) -> Response:
    """End the session that the access token comes from, or all of the user's."""
    sign_ins.sign_out(deps(), caller(), everywhere=body.everywhere)
    response = Response(status=204)
    session_cookie.clear(deps().settings, response)
    refresh_cookie.clear(response)
    return response


@api.post("/password", responses={200: SessionOut, 409: Failure})
@own_account
def change_password(body: PasswordIn) -> Response:
    """Change one's own password. All sessions end; the answer is a new one."""
    passwords = (body.current_password, body.new_password)
    session = accounts.change_password(deps(), caller(), *passwords, device(deps(), request))
    return _signed_in(session, SessionOut.of(session))


@api.get("/sessions", responses={200: SignInsOut})
def sessions(query: PageQuery) -> Response:
    """List one's own sessions, newest first."""
    page, cursor = sign_ins.list_own(deps(), caller(), query.limit, query.cursor)
    return answer(SignInsOut(sessions=[SignInOut.of(each) for each in page], next_cursor=cursor))


@api.delete("/sessions/<id>", responses={204: None})
@own_account
def end_session(path: SignInPath) -> Response:
    """End one of one's own sessions, with all of its tokens."""
    sign_ins.end(deps(), caller(), path.id)
    return Response(status=204)


@api.get("/me", responses={200: MeOut})
def me() -> Response:
    """Tell who is calling."""
    user = accounts.current_user(deps(), caller())
    return answer(MeOut(user=UserOut.of(user) if user else None, tenant_id=caller().tenant_id))


def _signed_in(session: sign_ins.Session, form: SessionOut, status: int = 200) -> Response:
    """The answer with the session's tokens, and with the cookies by which a page of the hub's own does without them."""
    in_cookie = refresh_cookie.is_asked_for(deps().settings, request)
    response = answer(form.model_copy(update={"refresh_token": ""}) if in_cookie else form, status)
    if in_cookie:
        refresh_cookie.set_on(deps().settings, request, response, session.refresh_token)
    session_cookie.set_on(deps().settings, request, response, session.cookie)
    return response
