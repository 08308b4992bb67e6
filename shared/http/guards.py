"""Authentication and authorization: reads the credential of a request, and keeps its principal."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeVar, cast

from flask import current_app, g, request

from shared.config import Settings
from shared.documents import authorship
from shared.domain.accounts import Principal, Role
from shared.domain.authors import ActorKind, Author
from shared.errors import Forbidden, Unauthorized
from shared.http import session_cookie
from shared.http.app import deps, document_limit
from shared.http.blueprint import APIBlueprint
from shared.http.documentation import OPEN_TO_ALL, SECURED, SECURED_OR_OPEN, template
from shared.http.limits import WRONG_CREDENTIALS, charge, client_address
from shared.http.local_access import check_local_access
from shared.outgoing import concurrency
from shared.usecases.accounts import rate_limits
from shared.usecases.accounts.credentials import anonymous, authenticate, authenticate_cookie, is_like_ours

View = TypeVar("View", bound=Callable[..., object])

ONLY_READS = "only_reads"
OWN_ACCOUNT = "own_account"
OWN_MARKS = "own_marks"
BY_COOKIE = "by_cookie"
_RANKS = {Role.VIEWER: 0, Role.AGENT: 1, Role.ADMIN: 2, Role.OWNER: 3}


class Access(Enum):
    """What a dialect does with a caller who shows no credential."""

    CREDENTIAL = "always wants one"
    HUB = (
        "in development without API_KEY they own the default tenant, also with a key that nobody knows, "
        "unless it is a web page of another origin"
    )
    DASHBOARD = "they are an agent of ANONYMOUS_TENANT where that is set, else as HUB"


def protect(api: APIBlueprint, access: Access) -> None:
    """Require a principal for the blueprint's views, except those marked `open_to_all`.

    Call it before the views are declared, so that the document says so too.
    """
    document_limit(api)
    api.abp_security = SECURED if access is Access.CREDENTIAL else SECURED_OR_OPEN

    def guard() -> None:
        if request.method == "OPTIONS" or _marked(OPEN_TO_ALL):
            return
        principal = _principal(access)
        rate_limits.charge(deps(), principal, client_address(deps(), request))
        _check_method(principal)
        g.principal = principal
        concurrency.set_tenant(principal.tenant_id)
        if not _reads():
            authorship.work_for(_author_of(principal))

    api.before_request(guard)


def record_strangers(api: APIBlueprint) -> None:
    """Have the audit log tell what callers without a credential write: who signs in, or opens an account link."""

    def set_author() -> None:
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            authorship.work_for(Author(ActorKind.OPEN, _action(), deps().now, address=client_address(deps(), request)))

    api.before_request(set_author)


def _author_of(principal: Principal) -> Author:
    kind = ActorKind.USER if principal.user_id else ActorKind.KEY if principal.credential_id else ActorKind.OPEN
    return Author(
        kind,
        _action(),
        deps().now,
        tenant_id=principal.tenant_id,
        id=principal.credential_id,
        name=principal.name,
        address=client_address(deps(), request),
    )


def _action() -> str:
    return f"{request.method} {template(request.url_rule.rule) if request.url_rule else request.path}"


def _reads() -> bool:
    return request.method in ("GET", "HEAD") or _marked(ONLY_READS)


def _check_method(principal: Principal) -> None:
    if _marked(OWN_ACCOUNT):
        return
    reads = _reads()
    if principal.role is Role.VIEWER and not reads and not _marked(OWN_MARKS):
        raise Forbidden("A viewer may only read")
    if not (principal.may_read if reads else principal.may_write):
        raise Forbidden(f"This needs a key with the scope {'read' if reads else 'write'}")


def open_to_all(view: View) -> View:
    """Mark a view of a protected blueprint that needs no credential. Place it below the route's decorator."""
    setattr(view, OPEN_TO_ALL, True)
    return view


def only_reads(view: View) -> View:
    """Mark a POST view that changes nothing: whoever may read may call it. Place it below the route's decorator."""
    setattr(view, ONLY_READS, True)
    return view


def own_account(view: View) -> View:
    """Mark a view that changes nothing but the caller's own account: a viewer may call it too. Place as above."""
    setattr(view, OWN_ACCOUNT, True)
    return view


def own_marks(view: View) -> View:
    """Mark a view that changes only what the caller alone sees: a viewer may call it too. Place as above."""
    setattr(view, OWN_MARKS, True)
    return view


def by_cookie(view: View) -> View:
    """Mark a GET view that a browser may also call by its session's cookie alone. Place it as above."""
    setattr(view, BY_COOKIE, True)
    return view


def caller() -> Principal:
    """Who is calling this view."""
    return cast("Principal", g.principal)


def require(role: Role) -> None:
    """Raise `Forbidden` unless the caller has this role or a higher one."""
    if _RANKS[caller().role] < _RANKS[role]:
        raise Forbidden(f"This needs the role {role.value}")


def _marked(mark: str) -> bool:
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, mark, False) is True


def _principal(access: Access) -> Principal:
    principal = _stranger(deps().settings, access)
    if credential := _credential():
        try:
            return authenticate(deps(), credential)
        except Unauthorized:
            # A documented client always sends a key. What the hub gave out itself is refused when it has run out.
            if principal is None or access is not Access.HUB or is_like_ours(credential):
                charge(deps(), WRONG_CREDENTIALS, client_address(deps(), request))
                raise
    elif browser := _cookie_principal():
        return browser
    if principal is None:
        raise Unauthorized("Invalid or missing API key")
    if principal.role is Role.OWNER:
        check_local_access(deps().settings)
    return principal


def _credential() -> str:
    """The credential of the request. An unknown scheme counts as a credential that is never valid."""
    header = request.headers.get("Authorization", "").strip()
    if header:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized("Invalid or missing API key")
        if token.strip():
            return token.strip()
    return request.headers.get("X-API-Key", "").strip()


def _stranger(settings: Settings, access: Access) -> Principal | None:
    return None if access is Access.CREDENTIAL else anonymous(settings, is_open=access is Access.DASHBOARD)


def _cookie_principal() -> Principal | None:
    """Who looks at a file in a page, if this view lets the cookie suffice; one that has run out counts as none."""
    cookie = session_cookie.of(request.cookies) if _marked(BY_COOKIE) and request.method in ("GET", "HEAD") else ""
    try:
        return authenticate_cookie(deps(), cookie) if cookie else None
    except Unauthorized:
        return None
