"""Calling Discord's REST API within its rate limits (https://docs.discord.com/developers/topics/rate-limits)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from json import dumps
from typing import Any

from shared.channel.media import Media
from shared.channelkit.files import FILE_TIMEOUT
from shared.channelkit.multipart import form
from shared.channelkit.providers import Reply as Reply
from shared.channelkit.providers import refusal
from shared.channels.discord.config import DiscordConfig, DiscordSettings
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import OutcomeUnknown, ProviderError, ProviderRejected, ProviderUnavailable

PROVIDER = "discord"
TIMEOUT = 15.0
"""Seconds for a whole call."""
NO_TOKEN = "bot_token is missing: make a bot at https://discord.com/developers and set its token"  # noqa: S105 - advice

# https://docs.discord.com/developers/topics/opcodes-and-status-codes#json
OVERLOADED = 130000
_HINTS = {
    50001: "the bot is not in this channel: open its invite_url",
    50007: "this person takes no direct messages from the bot",
    50013: "the bot may not write in this channel",
}
_GLOBAL = "*"


def call(
    deps: Deps,
    instance: Instance,
    config: DiscordConfig,
    method: str,
    path: str,
    json: object = None,
    *,
    files: Mapping[str, Media] | None = None,
    timeout: float = TIMEOUT,
) -> Reply:
    """Call the API as the bot; a refusal is returned, not raised. Raises what `Outgoing.request` raises.

    A limit that is known to be used up raises `ProviderUnavailable` without a
    call: refused calls are counted, and too many lock out everybody behind our address.
    """
    if config.bot_token is None:
        raise ProviderRejected(PROVIDER, NO_TOKEN)
    limits: dict[str, datetime] = deps.cache.get(("discord limits", instance.id), dict)
    route = f"{method} {path}"
    _check(limits, route, deps.now())
    headers = {"Authorization": f"Bot {config.bot_token.get_secret_value()}"}
    reply = _request(deps, method, path, json, headers, timeout, files)
    _note(limits, route, reply, deps.now())
    return reply


def call_by_token(
    deps: Deps, method: str, path: str, json: object = None, *, files: Mapping[str, Media] | None = None
) -> Reply:
    """Call a webhook of an interaction, whose token is in the path and is all the proof it needs."""
    return _request(deps, method, path, json, {}, TIMEOUT, files)


def _request(
    deps: Deps,
    method: str,
    path: str,
    json: object,
    headers: Mapping[str, str],
    timeout: float,
    files: Mapping[str, Media] | None,
) -> Reply:
    settings = deps.settings
    if files:  # https://docs.discord.com/developers/reference#uploading-files
        json, content_type = form({"payload_json": dumps(json)}, files)
        headers = {**headers, "Content-Type": content_type}
        timeout = FILE_TIMEOUT
    try:
        answer = deps.http.request(
            method,
            f"{settings.of(DiscordSettings).discord_api_url}/{path}",
            provider=PROVIDER,
            json=json,
            headers={**headers, "User-Agent": f"DiscordBot ({settings.public_url or 'https://localhost'}, 1.0)"},
            timeout=timeout,
            guarded=False,
        )
    except ProviderError as error:
        raise error from None  # What caused it quotes the path, and a token may be in it.
    body = answer.json()
    if not isinstance(body, dict):
        return Reply(answer, {})
    code, message = body.get("code"), body.get("message")
    if answer.ok:
        return Reply(answer, body)
    return Reply(answer, body, code if isinstance(code, int) else 0, message[:300] if isinstance(message, str) else "")


def _check(limits: Mapping[str, datetime], route: str, now: datetime) -> None:
    until = max((limits[name] for name in (route, _GLOBAL) if name in limits), default=now)
    if until > now:
        raise ProviderUnavailable(PROVIDER, "the rate limit is used up", (until - now).total_seconds())


def _note(limits: dict[str, datetime], route: str, reply: Reply, now: datetime) -> None:
    headers = reply.answer.headers
    if reply.answer.status == 429:
        everywhere = reply.body.get("global") is True or headers.get("x-ratelimit-scope") == "global"
        limits[_GLOBAL if everywhere else route] = now + timedelta(seconds=retry_after(reply) or 1.0)
    elif headers.get("x-ratelimit-remaining") == "0" and (seconds := _seconds(headers.get("x-ratelimit-reset-after"))):
        limits[route] = now + timedelta(seconds=seconds)


def retry_after(reply: Reply) -> float | None:
    """How long to wait after a 429, in seconds: the body is more exact than the header."""
    seconds = reply.body.get("retry_after")
    exact = _seconds(seconds)
    return exact if exact is not None else reply.answer.retry_after


def _seconds(value: object) -> float | None:
    try:
        seconds = float(value) if isinstance(value, (int, float, str)) else -1.0
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < 86_400 else None


def result(reply: Reply) -> Mapping[str, Any]:
    """The body of an answer; raises `ProviderRejected`, `ProviderUnavailable` or, if unreadable, `OutcomeUnknown`."""
    if reply.answer.ok:
        if not reply.body and reply.answer.status != 204:
            raise OutcomeUnknown(PROVIDER, "the answer is not one of the API's")
        return reply.body
    temporary = True if reply.code == OVERLOADED else None
    raise refusal(PROVIDER, reply.answer, _reason(reply), temporary=temporary, retry_after=retry_after(reply))


def _reason(reply: Reply) -> str:
    if reply.answer.status == 401:
        return "Discord does not take the token; check config.botToken"
    if not reply.message:
        return f"HTTP {reply.answer.status} without an explanation"
    hint = _HINTS.get(reply.code)
    return f"{reply.message} (error {reply.code}{'; ' + hint if hint else ''})"
