"""What a connecting client must show, and from which web pages it may come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from werkzeug.http import parse_cookie

from shared.config import Settings
from shared.deps import Deps
from shared.domain.accounts import Principal, Role
from shared.errors import Unauthorized
from shared.http import cors, session_cookie
from shared.http.local_access import is_local_host
from shared.usecases.accounts.credentials import anonymous, authenticate, authenticate_cookie
from shared.usecases.sessions import visitors

_MAX_LENGTH = 4096


class Kind(Enum):
    """How a client says who it is."""

    CREDENTIAL = "a token or a key"
    COOKIE = "the cookie of a browser's session"
    NOTHING = "not at all"


@dataclass(frozen=True, slots=True)
class Proof:
    """What a client showed when it connected; `value` is the credential or cookie, else the host that it called."""

    kind: Kind
    value: str


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody without a credential, in development: they hear how channels stand whose ids they know."""

    tenant_id: str = ""
    """Nobody's."""


Holder: TypeAlias = Principal | visitors.Visitor | Guest


def credential_of(environ: Mapping[str, Any], auth: object) -> str | None:
    """The token in `auth: {token}`, else in `Authorization: Bearer`, else in `x-api-key`."""
    token = auth.get("token") if isinstance(auth, dict) else None
    for candidate in (token, environ.get("HTTP_AUTHORIZATION"), environ.get("HTTP_X_API_KEY")):
        if isinstance(candidate, str) and 0 < len(candidate) <= _MAX_LENGTH:
            scheme, _, rest = candidate.strip().partition(" ")
            return rest.strip() if scheme.lower() == "bearer" else candidate.strip()
    return None


def admit(deps: Deps, environ: Mapping[str, Any], auth: object) -> tuple[Proof, Holder]:
    """The client's proof that counts, and who it is; raises `Unauthorized`.

    A credential that is wrong is never made up for by less. A cookie that has run out counts as none.
    """
    refusal = Unauthorized("give a token or an API key")
    for proof in _proofs(environ, auth):
        try:
            return proof, holder_of(deps, proof)
        except Unauthorized as error:
            refusal = error
    raise refusal


def _proofs(environ: Mapping[str, Any], auth: object) -> Iterator[Proof]:
    credential = credential_of(environ, auth)
    if credential is not None:
        yield Proof(Kind.CREDENTIAL, credential)
        return
    cookie = session_cookie.of(parse_cookie(environ.get("HTTP_COOKIE", "")))
    if 0 < len(cookie) <= _MAX_LENGTH and _comes_from_page(environ):
        yield Proof(Kind.COOKIE, cookie)
    yield Proof(Kind.NOTHING, environ.get("HTTP_HOST", ""))


def _comes_from_page(environ: Mapping[str, Any]) -> bool:
    """Whether the browser says which page asks: one of another origin was refused before, by `origin_allowed`."""
    return bool(environ.get("HTTP_ORIGIN")) or environ.get("HTTP_SEC_FETCH_SITE") == "same-origin"


def holder_of(deps: Deps, proof: Proof) -> Holder:
    """Who shows the proof; raises `Unauthorized`, also if they may not read."""
    if proof.kind is Kind.COOKIE:
        return authenticate_cookie(deps, proof.value)
    if proof.kind is Kind.NOTHING:
        return _stranger_or_guest(deps.settings, proof.value)
    holder = visitors.recognize(deps, proof.value) or authenticate(deps, proof.value)
    if isinstance(holder, Principal) and not holder.may_read:
        raise Unauthorized("this key may not read: it needs the scope read")
    return holder


def stranger(settings: Settings, host: str) -> Principal | None:
    """Who shows nothing has the rights that they have over HTTP, where that is open to callers without a credential."""
    principal = anonymous(settings, is_open=True)
    is_operators = principal is not None and principal.role is Role.OWNER
    return None if is_operators and not is_local_host(settings, host) else principal


def _stranger_or_guest(settings: Settings, host: str) -> Principal | Guest:
    principal = stranger(settings, host)
    if principal is not None:
        return principal
    if settings.socket_guests:
        return Guest()
    raise Unauthorized("give a token or an API key")


def origin_allowed(settings: Settings, origin: object, environ: Mapping[str, Any]) -> bool:
    """As for the HTTP dialects, and the hub's own pages; a client that is no web page sends no origin, and may come."""
    if not isinstance(origin, str):
        return False
    # A proxy may speak https where we are called by http, so that only the hosts can be compared.
    return cors.allowed(settings, origin) or origin.partition("://")[2] == environ.get("HTTP_HOST", "")
