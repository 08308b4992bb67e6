"""Google's own services as callers: Pub/Sub pushes events, Cloud Scheduler calls once a minute."""

from __future__ import annotations

import re
import time
from typing import Final

from shared.deps import Deps
from shared.errors import ProviderUnavailable, Unauthorized
from shared.outgoing import Outgoing
from shared.security.google_tokens import Certificates, GoogleTokens

_TIMEOUT: Final = 10.0
_PROVIDER: Final = "Google"
_LONGEST_KEPT: Final = 86_400.0


class GoogleCallers:
    """Admits the callers that PUSH_AUDIENCE and PUSH_SERVICE_ACCOUNT name; everybody where they are not set."""

    def __init__(self, deps: Deps) -> None:
        settings = deps.settings
        self._audience = settings.push_audience
        self._email = settings.push_service_account
        url = settings.google_certs_url
        self._tokens = GoogleTokens(
            fetch=lambda: fetch_certificates(deps.http, url),
            clock=time.monotonic,
            now=lambda: deps.now().timestamp(),
            platform_checks=settings.push_checked_by == "cloud_run",
        )

    def check(self, authorization: str) -> None:
        """Judge a request by its `Authorization` header; raise `Unauthorized` or `Forbidden` for anybody else,
        `ProviderUnavailable` when the token cannot be checked."""
        if self._audience is None or self._email is None:
            return
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthorized("a token of Google's is required")
        self._tokens.verify(token.strip(), self._audience, self._email)


def fetch_certificates(http: Outgoing, url: str) -> Certificates:
    """Google's public keys, as https://www.googleapis.com/oauth2/v3/certs serves them.

    Raises `ProviderUnavailable` or `OutcomeUnknown` when they cannot be fetched.
    """
    answer = http.request("GET", url, provider=_PROVIDER, timeout=_TIMEOUT, guarded=False)
    body = answer.json() if answer.ok else None
    keys = body.get("keys") if isinstance(body, dict) else None
    if not isinstance(keys, list):
        raise ProviderUnavailable(_PROVIDER, f"answered {answer.status} without certificates")
    by_id = {key["kid"]: key for key in keys if isinstance(key, dict) and isinstance(key.get("kid"), str)}
    return Certificates(by_id, _max_age(answer.headers.get("cache-control", "")))


def _max_age(cache_control: str) -> float:
    match = re.search(r"max-age=(\d{1,9})", cache_control)
    return min(float(match[1]), _LONGEST_KEPT) if match else 0.0
