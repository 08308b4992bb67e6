"""Calling Slack's Web API, and what its error codes mean (https://docs.slack.dev/apis/web-api).

`slack_sdk` does the same; importing it costs a cold start 0.2 s, so only the tests use it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.channelkit.providers import refusal
from shared.channels.slack.config import SlackConfig, SlackSettings
from shared.deps import Deps
from shared.errors import OutcomeUnknown, ProviderError, ProviderRejected
from shared.outgoing import Answer

PROVIDER = "slack"
TIMEOUT = 30.0
"""Seconds for a whole call."""
NOT_INSTALLED = "bot_token is missing: install the app by its auth_url, or set bot_token"

TOKEN_DEAD = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"})
"""Codes of a token that no longer opens anything."""

_TEMPORARY = frozenset(
    {
        "ratelimited",
        "rate_limited",
        "message_limit_exceeded",
        "service_unavailable",
        "request_timeout",  # the request did not come through whole, so nothing was done
        "team_added_to_org",  # the workspace is being moved
    }
)
# Slack says of these that a part may have been done all the same.
_UNKNOWN = frozenset({"internal_error", "fatal_error"})
_HINTS = {
    "not_in_channel": "invite the bot to the channel",
    "channel_not_found": "the channel is gone, or the bot is not in it",
    "missing_scope": "install the app again, it lacks a permission",
    **dict.fromkeys(TOKEN_DEAD, "install the app again, or set a new bot_token"),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a method call; `error` is Slack's code of a refusal, which comes with HTTP 200."""

    answer: Answer
    body: Mapping[str, Any]
    ok: bool
    error: str = ""


def call(
    deps: Deps,
    config: SlackConfig,
    method: str,
    body: Mapping[str, Any],
    *,
    timeout: float = TIMEOUT,
) -> Reply:
    """Call a method as the bot; a refusal is returned, not raised.

    Raises what `Outgoing.request` raises, and `ProviderRejected` without a token.
    """
    if config.bot_token is None:
        raise ProviderRejected(PROVIDER, NOT_INSTALLED)
    token = config.bot_token.get_secret_value()
    answer = deps.http.request(
        "POST",
        f"{deps.settings.of(SlackSettings).slack_api_url}/{method}",
        provider=PROVIDER,
        json=body,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"},
        timeout=timeout,
        guarded=False,
    )
    return _reply(answer)


def ask(
    deps: Deps, config: SlackConfig, method: str, arguments: Mapping[str, str], *, timeout: float = TIMEOUT
) -> Mapping[str, Any]:
    """Call a method that only reads, which takes no JSON; gives the body, raises as `result` does."""
    if config.bot_token is None:
        raise ProviderRejected(PROVIDER, NOT_INSTALLED)
    answer = deps.http.request(
        "GET",
        f"{deps.settings.of(SlackSettings).slack_api_url}/{method}",
        provider=PROVIDER,
        params=arguments,
        headers={"Authorization": f"Bearer {config.bot_token.get_secret_value()}"},
        timeout=timeout,
        guarded=False,
    )
    return result(_reply(answer))


def exchange(deps: Deps, client_id: str, client_secret: str, code: str, redirect_uri: str) -> Mapping[str, Any]:
    """What a code is worth (https://docs.slack.dev/reference/methods/oauth.v2.access); raises as `result` does."""
    credential = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    try:
        answer = deps.http.request(
            "POST",
            f"{deps.settings.of(SlackSettings).slack_api_url}/oauth.v2.access",
            provider=PROVIDER,
            params={"code": code, "redirect_uri": redirect_uri},
            headers={"Authorization": f"Basic {credential}"},
            timeout=TIMEOUT,
            guarded=False,
        )
    except ProviderError as error:
        raise error from None  # What caused it quotes the address, and the code is in it.
    return result(_reply(answer))


def _reply(answer: Answer) -> Reply:
    body = answer.json()
    if not isinstance(body, dict):
        return Reply(answer, {}, ok=False)
    error = body.get("error")
    return Reply(
        answer,
        body,
        ok=answer.ok and body.get("ok") is True,
        error=error[:100] if isinstance(error, str) else "",
    )


def result(reply: Reply) -> Mapping[str, Any]:
    """The body of an answer; raises `ProviderRejected`, `ProviderUnavailable` or, if unreadable, `OutcomeUnknown`."""
    if reply.ok:
        return reply.body
    if reply.error in _UNKNOWN or (reply.answer.ok and not reply.error):
        raise OutcomeUnknown(PROVIDER, reply.error or "the answer is not one of the Web API's")
    temporary = reply.error in _TEMPORARY if reply.error and reply.answer.ok else None
    raise refusal(PROVIDER, reply.answer, _reason(reply), temporary=temporary)


def _reason(reply: Reply) -> str:
    if not reply.error:
        return f"HTTP {reply.answer.status} without an explanation"
    hint = _HINTS.get(reply.error)
    needed = reply.body.get("needed")
    about = f" (needed: {str(needed)[:100]})" if needed else ""
    return f"{reply.error}{about}{'; ' + hint if hint else ''}"


def text_of(body: Mapping[str, Any], *path: str) -> str | None:
    """The text at a path of an answer, if there is one."""
    value: object = body
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) and value else None
