"""Calling the Graph API, and what its error codes mean.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.channelkit.providers import refusal
from shared.channels.facebook.config import FacebookConfig, app_secret
from shared.deps import Deps
from shared.errors import OutcomeUnknown, ProviderRejected
from shared.outgoing import Answer

PROVIDER = "facebook"
OUTSIDE_WINDOW = "outside_window"
"""The reason of a refusal because the customer last wrote more than 24 hours ago."""
TIMEOUT = 90.0
"""Seconds; a video given by URL is fetched by Meta for up to 75 s before it answers."""

_OUTSIDE_WINDOW = frozenset({(10, 2018278), (10, 2018065)})
_TEMPORARY = frozenset({1, 2, 4, 17, 32, 613, 1200})
_FINAL = frozenset({10, 100, 190, 230, 551, *range(200, 300)})
_FILE_SUBCODES = frozenset({2018008, 2018047, 2018109, 2018294})
_FILE_CODES = frozenset({389, 546})
_FILE_PHRASES = ("failed to fetch the file", "upload attachment failure", "fetch video file")
_HINTS = {
    190: "check config.pageAccessToken",
    230: "the page or the app lacks a permission (pages_messaging)",
    10: "the page or the app lacks a permission (pages_messaging)",
    551: "this person cannot be reached now",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a call; `code`, `subcode` and `message` explain a refusal."""

    answer: Answer
    body: Mapping[str, Any]
    code: int = 0
    subcode: int = 0
    message: str = ""
    transient: bool = False

    @property
    def ok(self) -> bool:
        return self.answer.ok and not self.code and not self.message

    @property
    def file_refused(self) -> bool:
        """Whether it was the attachment's file that Meta could not use."""
        said = self.message.lower()
        known = self.subcode in _FILE_SUBCODES or self.code in _FILE_CODES
        return not self.ok and (known or any(phrase in said for phrase in _FILE_PHRASES))


def call(
    deps: Deps,
    config: FacebookConfig,
    method: str,
    path: str,
    *,
    json: object = None,
    params: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> Reply:
    """Call the Graph API as the page; a refusal is returned, not raised. Raises what `Outgoing.request` raises."""
    token = config.page_access_token.get_secret_value()
    settings = deps.settings
    answer = deps.http.request(
        method,
        f"{settings.graph_api_url}/{settings.graph_api_version}/{path}",
        provider=PROVIDER,
        json=json,
        headers={"Authorization": f"Bearer {token}"},
        params={**(params or {}), **_proof(token, app_secret(config, settings))},
        timeout=timeout,
        guarded=False,
    )
    body = answer.json()
    return _reply(answer, body if isinstance(body, dict) else {}, token)


def _proof(token: str, secret: str | None) -> dict[str, str]:
    """Meta can be told to refuse calls that do not prove knowledge of the app's secret."""
    if secret is None:
        return {}
    return {"appsecret_proof": hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()}


def _reply(answer: Answer, body: Mapping[str, Any], token: str) -> Reply:
    error = body.get("error")
    if not isinstance(error, dict):
        return Reply(answer, body)
    return Reply(
        answer,
        body,
        code=_integer(error.get("code")),
        subcode=_integer(error.get("error_subcode")),
        # Meta quotes a token that it cannot read.
        message=str(error.get("message") or "an error without an explanation").replace(token, "***")[:500],
        transient=error.get("is_transient") is True,
    )


def _integer(value: object) -> int:
    return value if isinstance(value, int) else 0


def result(reply: Reply) -> Mapping[str, Any]:
    """The body of an answer; raises `ProviderRejected`, `ProviderUnavailable` or, if unreadable, `OutcomeUnknown`."""
    if reply.ok:
        if not reply.body:
            raise OutcomeUnknown(PROVIDER, "the answer is not one of the Graph API's")
        return reply.body
    if (reply.code, reply.subcode) in _OUTSIDE_WINDOW:
        raise ProviderRejected(PROVIDER, OUTSIDE_WINDOW)
    raise refusal(PROVIDER, reply.answer, _reason(reply), temporary=_temporary(reply))


def _temporary(reply: Reply) -> bool | None:
    if reply.code in _TEMPORARY or reply.transient:
        return True
    return False if reply.code in _FINAL else None


def _reason(reply: Reply) -> str:
    if not reply.message:
        return f"HTTP {reply.answer.status} without an explanation"
    codes = f"{reply.code}/{reply.subcode}" if reply.subcode else str(reply.code)
    hint = _HINTS.get(reply.code) or (_HINTS[230] if 200 <= reply.code < 300 else None)
    return f"{reply.message} (error {codes}{'; ' + hint if hint else ''})"
