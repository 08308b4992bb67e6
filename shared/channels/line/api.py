"""Calling the Messaging API, and what its refusals mean.

https://developers.line.biz/en/reference/messaging-api/#status-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channelkit.providers import refusal
from shared.channels.line.config import PROVIDER, LineConfig, LineSettings
from shared.deps import Deps
from shared.errors import OutcomeUnknown, ProviderError
from shared.outgoing import Answer

TIMEOUT = 30.0

_HINTS = {
    401: "check config.channelAccessToken",
    403: "the account's plan or settings do not allow this",
}
_QUOTA_USED_UP = "monthly limit"


def call(
    deps: Deps,
    config: LineConfig,
    method: str,
    path: str,
    *,
    json: object = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> Answer:
    """Call `/v2/bot/<path>`; a refusal is returned, not raised. Raises what `Outgoing.request` raises."""
    return deps.http.request(
        method,
        f"{deps.settings.of(LineSettings).line_api_url}/v2/bot/{path}",
        provider=PROVIDER,
        json=json,
        headers={**bearer(config), **(headers or {})},
        timeout=timeout,
        guarded=False,
    )


def bearer(config: LineConfig) -> dict[str, str]:
    return {"Authorization": f"Bearer {config.channel_access_token.get_secret_value()}"}


def body_of(answer: Answer) -> Mapping[str, Any]:
    """The body as an object; an empty one for any other body."""
    body = answer.json()
    return body if isinstance(body, dict) else {}


def result(answer: Answer) -> Mapping[str, Any]:
    """The body of an answer; raises `ProviderRejected`, `ProviderUnavailable` or, if unreadable, `OutcomeUnknown`."""
    if not answer.ok:
        raise refused(answer)
    if not isinstance(answer.json(), dict):
        raise OutcomeUnknown(PROVIDER, "the answer is not one of the Messaging API's")
    return body_of(answer)


def refused(answer: Answer) -> ProviderError:
    """The error that a refusal amounts to. Status 429 also means that the month's messages are used up."""
    reason = _reason(answer)
    if hint := _HINTS.get(answer.status):
        reason = f"{reason}; {hint}"
    used_up = answer.status == 429 and _QUOTA_USED_UP in reason.lower()
    return refusal(PROVIDER, answer, reason, temporary=False if used_up else None)


def _reason(answer: Answer) -> str:
    body = body_of(answer)
    message, details = body.get("message"), body.get("details")
    if not isinstance(message, str) or not message:
        return f"HTTP {answer.status} without an explanation"
    items = [item for item in details if isinstance(item, dict)] if isinstance(details, list) else []
    about = [f"{item.get('property', '?')}: {item.get('message', '?')}" for item in items]
    return "; ".join([message, *about])[:500] + f" (HTTP {answer.status})"
