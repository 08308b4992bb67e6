"""From what a caller shows to who he is: the same for HTTP and for sockets."""

from __future__ import annotations

import hmac
import logging
import secrets
import threading
from datetime import timedelta

from shared.deps import Deps
from shared.domain.accounts import ApiKey, Principal, Role
from shared.errors import StoreError, Unauthorized
from shared.ports.store import Merge, Ref
from shared.security.tokens import MAX_LENGTH, AccessClaims, fingerprint, verify

log = logging.getLogger(__name__)

READ_SECRETS = "secrets:read"
ALL_SCOPES = frozenset({READ_SECRETS})

KEY_SIGN = "omh_"
"""How the API keys begin that the hub makes."""

_SIGNING = "jwt-signing"
_making = threading.Lock()
_NOTED_EVERY = timedelta(minutes=1)


def authenticate(deps: Deps, credential: str) -> Principal:
    """Tell who shows this access token or API key; raises `Unauthorized`.

    A key may do no more than the user for whom it was made may now.

    A revoked key is refused at once by the process that revoked it, by others
    as soon as their cache has grown old (30 s); so it is with what a user may
    do, and with one who was removed, whatever his token says.
    """
    if len(credential) <= MAX_LENGTH:
        if _is_the_key(deps, credential):
            return Principal(deps.settings.default_tenant_id, Role.OWNER, scopes=ALL_SCOPES)
        principal = _user(deps, credential) if _is_token(credential) else _key_holder(deps, credential)
        if principal is not None:
            return principal
    raise Unauthorized("Invalid or expired token" if _is_token(credential) else "Invalid or missing API key")


def is_like_ours(credential: str) -> bool:
    """Whether it has the form of what the hub gives out: a user's token or a tenant's key."""
    return _is_token(credential) or credential.startswith(KEY_SIGN)


def _is_token(credential: str) -> bool:
    return credential.count(".") == 2


def forget_key(deps: Deps, key_id: str) -> None:
    """Have a changed API key read again."""
    deps.cache.forget(("api_key", key_id))


def forget_user(deps: Deps, user_id: str) -> None:
    """Have a changed user read again."""
    deps.cache.forget(("standing", user_id))


def access_key(deps: Deps) -> str:
    """What access tokens are signed with: `JWT_SECRET`, or in development a random one that is kept."""
    configured = deps.settings.jwt_secret
    return configured.get_secret_value() if configured else deps.cache.get(_SIGNING, lambda: _kept_key(deps))


def refresh_key(deps: Deps) -> str:
    """What refresh tokens are signed with: `JWT_REFRESH_SECRET`, or else the same as access tokens."""
    configured = deps.settings.jwt_refresh_secret
    return configured.get_secret_value() if configured else access_key(deps)


def _is_the_key(deps: Deps, credential: str) -> bool:
    configured = deps.settings.api_key
    if configured is None:
        return False
    return hmac.compare_digest(credential.encode("utf-8", "surrogatepass"), configured.get_secret_value().encode())


def _user(deps: Deps, token: str) -> Principal | None:
    try:
        claims = verify(token, access_key(deps), AccessClaims, deps.now())
    except Unauthorized:
        return None
    standing = _standing(deps, claims.user_id)
    if standing is None or standing[0] != claims.tenant_id:
        return None
    role = standing[1]
    return Principal(claims.tenant_id, role, claims.user_id, claims.email, _scopes_of(role), claims.user_id)


def _scopes_of(role: Role) -> frozenset[str]:
    return ALL_SCOPES if role in (Role.OWNER, Role.ADMIN) else frozenset()


def _standing(deps: Deps, user_id: str) -> tuple[str, Role] | None:
    """A user's tenant, and what he may do there now; his token says what he might when it was made."""
    return deps.cache.get(("standing", user_id), lambda: _stored_standing(deps, user_id))


def _stored_standing(deps: Deps, user_id: str) -> tuple[str, Role] | None:
    ref = Ref("users", user_id)
    document = deps.store.get([ref]).get(ref)
    return (document.data["tenant_id"], Role(document.data["role"])) if document else None


def _key_holder(deps: Deps, credential: str) -> Principal | None:
    key_id = fingerprint(credential)
    found = deps.cache.get(("api_key", key_id), lambda: _stored_key(deps, key_id))
    if found is None:
        return None
    key, version = found
    if key.revoked or (key.expires_at is not None and key.expires_at <= deps.now()):
        return None
    principal = _as_its_maker_may(deps, key)
    if principal is None:
        return None
    if key.last_used_at is None or key.last_used_at + _NOTED_EVERY <= deps.now():
        _note_use(deps, key_id, version)
    return principal


def _as_its_maker_may(deps: Deps, key: ApiKey) -> Principal | None:
    """What the key may do; None when the user for whom it was made is gone."""
    role, scopes = key.role, frozenset(key.scopes)
    if key.created_by is not None:
        standing = _standing(deps, key.created_by)
        if standing is None or standing[0] != key.tenant_id:
            return None
        role = key.role.within(standing[1])
        scopes -= ALL_SCOPES - _scopes_of(standing[1])
    return Principal(key.tenant_id, role, scopes=scopes, answerable=key.created_by)


def _stored_key(deps: Deps, key_id: str) -> tuple[ApiKey, str] | None:
    ref = Ref("api_keys", key_id)
    document = deps.store.get([ref]).get(ref)
    return (ApiKey.model_validate({"id": key_id, **document.data}), document.version) if document else None


def _note_use(deps: Deps, key_id: str, version: str) -> None:
    """Whoever noted it or took the key away meanwhile has the last word; a store in trouble keeps nobody out here."""
    try:
        deps.store.commit([Merge(Ref("api_keys", key_id), {"last_used_at": deps.now()}, version)])
    except StoreError as error:
        log.info("the use of a key was not noted", extra={"why": error.detail})
    forget_key(deps, key_id)


def _kept_key(deps: Deps) -> str:
    with _making:
        kept = deps.secrets.read(_SIGNING).get("key")
        if not kept:
            deps.secrets.write(_SIGNING, {"key": secrets.token_hex(32)})
            # Another process may have written meanwhile: what is kept now is what both use.
            kept = deps.secrets.read(_SIGNING)["key"]
        return kept
