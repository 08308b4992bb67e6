"""Signing up, in, and staying signed in."""

from __future__ import annotations

from flask import Response, request
from flask_openapi.models import Tag

from functions.omnichat.schemas import LinkIn, LoginIn, MeOut, RefreshIn, RegisterIn, SessionOut, UserOut
from functions.omnichat.vocabulary import VOCABULARY
from shared.http.app import deps, limit_rate
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, open_to_all, protect
from shared.http.limits import SIGNING_IN, client_address
from shared.usecases.accounts import accounts, links, sign_ins

api = APIBlueprint(
    "omnichat_auth", __name__, vocabulary=VOCABULARY, url_prefix="/api/auth", abp_tags=[Tag(name="OmniChat auth")]
)
cors(api)
limit_rate(api, SIGNING_IN, methods={"POST"})
protect(api, Access.CREDENTIAL)


@api.post("/register", responses={201: SessionOut, 403: Failure, 409: Failure})
@open_to_all
def register(body: RegisterIn) -> Response:
    """Make a tenant and the user who owns it, unless registration is closed here."""
    session = accounts.register(deps(), body.email, body.password, body.name, body.tenant_name)
    return answer(SessionOut.of(session), 201)


@api.post("/login", responses={200: SessionOut, 401: Failure})
@open_to_all
def login(body: LoginIn) -> Response:
    """Sign in."""
    session = accounts.login(deps(), body.email, body.password, client_address(deps(), request))
    return answer(SessionOut.of(session))


@api.post("/refresh", responses={200: SessionOut, 401: Failure})
@open_to_all
def refresh(body: RefreshIn) -> Response:
    """Exchange a refresh token, once, for new tokens."""
    return answer(SessionOut.of(sign_ins.refresh(deps(), body.refresh_token)))


@api.post("/link", responses={200: SessionOut, 401: Failure, 409: Failure})
@open_to_all
def follow_link(body: LinkIn) -> Response:
    """Do what an account link is for, once, with a password of the holder's choice."""
    return answer(SessionOut.of(links.follow(deps(), body.token, body.choices())))


@api.get("/me", responses={200: MeOut})
def me() -> Response:
    """Tell who is calling."""
    user = accounts.current_user(deps(), caller())
    return answer(MeOut(user=UserOut.of(user) if user else None, tenant_id=caller().tenant_id))
