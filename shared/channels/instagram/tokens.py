"""Tokens of an Instagram login: good for an hour, exchanged for one that is good for 60 days and can be renewed.

https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/business-login
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channelkit.providers import refusal
from shared.channels.instagram.config import PROVIDER, InstagramSettings
from shared.deps import Deps
from shared.errors import ProviderRejected
from shared.outgoing import Answer

_TIMEOUT = 20.0


def exchange_code(deps: Deps, app_id: str, app_secret: str, code: str, redirect_url: str) -> str:
    """The account's token for 60 days; raises a `ProviderError`."""
    settings = deps.settings.of(InstagramSettings)
    form = {
        "client_id": app_id,
        "client_secret": app_secret,
        "grant_type": "authorization_code",
        "redirect_uri": redirect_url,
        "code": code.removesuffix("#_"),
    }
    url = f"{settings.instagram_login_api_url}/oauth/access_token"
    answer = deps.http.request("POST", url, provider=PROVIDER, form=form, timeout=_TIMEOUT, guarded=False)
    short = _token(answer)
    return _ask(deps, "access_token", {"grant_type": "ig_exchange_token", "client_secret": app_secret}, short)


def renew(deps: Deps, token: str) -> str:
    """The same account's token for 60 more days; raises a `ProviderError`, also for one that is less than a day old."""
    return _ask(deps, "refresh_access_token", {"grant_type": "ig_refresh_token"}, token)


def _ask(deps: Deps, path: str, params: Mapping[str, str], token: str) -> str:
    url = f"{deps.settings.of(InstagramSettings).instagram_api_url}/{path}"
    query = {**params, "access_token": token}
    return _token(deps.http.request("GET", url, provider=PROVIDER, params=query, timeout=_TIMEOUT, guarded=False))


def _token(answer: Answer) -> str:
    """Both forms that Instagram answers in; a refusal never quotes what was sent."""
    body = answer.json()
    if not answer.ok:
        raise refusal(PROVIDER, answer, f"Instagram gave no token: {_reason(body) or f'HTTP {answer.status}'}")
    first = body.get("data") if isinstance(body, dict) else None
    holder = first[0] if isinstance(first, list) and first else body
    token = holder.get("access_token") if isinstance(holder, dict) else None
    if not isinstance(token, str) or not token:
        raise ProviderRejected(PROVIDER, "Instagram's answer holds no token")
    return token


def _reason(body: Any) -> str | None:
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    message = error.get("message") if isinstance(error, dict) else body.get("error_message")
    return message[:300] if isinstance(message, str) else None
