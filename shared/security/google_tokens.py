"""Tokens with which Google's services prove who calls: OpenID Connect, signed by Google.

https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError

from shared.errors import Forbidden, HubError, ProviderUnavailable, Unauthorized

if TYPE_CHECKING:
    from jwt.types import Options

log = logging.getLogger(__name__)

ISSUER: Final = "https://accounts.google.com"
MAX_LENGTH: Final = 4096

REMOVED: Final = "SIGNATURE_REMOVED_BY_GOOGLE"
"""What Cloud Run puts in a signature's place once it has checked a caller's token itself.

https://cloud.google.com/run/docs/authenticating/service-to-service
"""

_LEEWAY: Final = 10.0
"""Seconds by which Google's clock and ours may differ."""

_PAUSE: Final = 60.0
"""Seconds between two fetches at the least, whatever keys strangers name."""

_SHORT_PAUSE: Final = 1.0
"""The same while there are no certificates that are still good."""

_GRACE: Final = 3600.0
"""Seconds for which certificates are used beyond their time while no newer ones can be had."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Google's public keys by their ids, in the form of RFC 7517, and for how many seconds they may be kept."""

    keys: Mapping[str, Mapping[str, Any]]
    max_age: float


class _Claims(BaseModel):
    iss: str
    aud: str
    exp: float
    iat: float = 0
    email: str = ""
    email_verified: bool = False


@dataclass
class GoogleTokens:
    """Checks tokens, and keeps Google's certificates for as long as Google says.

    A token that names an unknown key has the certificates fetched anew, once in
    a minute at most. `platform_checks` is for a service that Cloud Run lets nobody
    call whose token it has not checked: then a removed signature is taken for a
    good one. `fetch` raises a `HubError` when there are none to be had,
    `clock` gives seconds that only grow, `now` those since 1970.
    """

    fetch: Callable[[], Certificates]
    clock: Callable[[], float]
    now: Callable[[], float]
    platform_checks: bool = False
    _keys: dict[str, Any] = field(default_factory=dict)
    _fresh_until: float = float("-inf")
    _tried_at: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def verify(self, token: str, audience: str, email: str) -> None:
        """Raise `Unauthorized` for a token that is not Google's own, still valid and for us; `Forbidden` for another's.

        Raises `ProviderUnavailable` while there are no certificates to judge it by.
        """
        claims = self._signed(token)
        seconds = self.now()
        if claims is None or claims.iss != ISSUER or claims.aud != audience:
            raise Unauthorized("Invalid token")
        if claims.exp + _LEEWAY <= seconds or claims.iat - _LEEWAY > seconds:
            raise Unauthorized("Expired token")
        if claims.email != email or not claims.email_verified:
            raise Forbidden("this account may not call here")

    def _signed(self, token: str) -> _Claims | None:
        """What the token says, if Google has signed it."""
        import jwt  # noqa: PLC0415 - imports cryptography, which costs cold start

        if len(token) > MAX_LENGTH:
            return None
        try:
            return _Claims.model_validate(self._payload(token))
        except (jwt.InvalidTokenError, ValidationError, ValueError, OverflowError, RecursionError):
            return None

    def _payload(self, token: str) -> object:
        """The claims, which are checked later, by the clock that everything else goes by."""
        import jwt  # noqa: PLC0415 - imports cryptography, which costs cold start

        header = jwt.get_unverified_header(token)
        if header.get("alg") != "RS256":
            raise jwt.InvalidAlgorithmError
        if self.platform_checks and token.rpartition(".")[2] == REMOVED:
            return jwt.decode(token, options={"verify_signature": False})
        key = self._key(header.get("kid"))
        if key is None:
            raise jwt.InvalidSignatureError
        unchecked: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}
        return jwt.decode(token, key, algorithms=["RS256"], options=unchecked)

    def _key(self, key_id: object) -> Any:
        """The key of that id, or None when Google has none; raises `ProviderUnavailable` without certificates."""
        with self._lock:
            clock = self.clock()
            stale = clock >= self._fresh_until
            pause = _SHORT_PAUSE if stale else _PAUSE
            if (stale or key_id not in self._keys) and clock >= self._tried_at + pause:
                self._tried_at = clock
                self._refresh(clock)
            if clock >= self._fresh_until + _GRACE:
                raise ProviderUnavailable("Google", "its certificates cannot be fetched")
            return self._keys.get(key_id) if isinstance(key_id, str) else None

    def _refresh(self, clock: float) -> None:
        import jwt  # noqa: PLC0415 - imports cryptography, which costs cold start

        try:
            fetched = self.fetch()
            self._keys = {name: jwt.PyJWK(dict(key), algorithm="RS256").key for name, key in fetched.keys.items()}
        except (HubError, jwt.PyJWTError) as error:
            log.error("Google's certificates cannot be fetched: %s", type(error).__name__)
            return
        self._fresh_until = clock + max(fetched.max_age, _PAUSE)
