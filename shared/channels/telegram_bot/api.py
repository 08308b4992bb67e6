"""Calling the Bot API (https://core.telegram.org/bots/api#making-requests)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from shared.channel.media import Media
from shared.channelkit.multipart import form
from shared.channelkit.providers import refusal
from shared.channels.telegram_bot.config import TelegramBotConfig, TelegramBotSettings
from shared.deps import Deps
from shared.errors import OutcomeUnknown, ProviderError, ProviderRejected
from shared.outgoing import Answer

PROVIDER = "telegram_bot"
TIMEOUT = 60.0
"""Seconds; a file given by URL is fetched by Telegram before it answers."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a method call; `description` and `parameters` explain a refusal."""

    answer: Answer
    ok: bool
    result: Any = None
    description: str = ""
    parameters: Mapping[str, Any] | None = None

    def parameter(self, name: str) -> int | None:
        value = (self.parameters or {}).get(name)
        return value if isinstance(value, int) else None

    def refused_for(self, *phrases: str) -> bool:
        """Whether the method was refused in words that hold one of the phrases (lower case)."""
        description = self.description.lower()
        return not self.ok and self.answer.status == 400 and any(phrase in description for phrase in phrases)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send along, and the parameter that it is."""

    name: str
    file: Media


def call(
    deps: Deps,
    config: TelegramBotConfig,
    method: str,
    params: Mapping[str, Any],
    timeout: float = TIMEOUT,
    upload: Upload | None = None,
) -> Reply:
    """Call a method; a refusal is returned, not raised. Raises what `Outgoing.request` raises."""
    token = config.bot_token.get_secret_value()
    url = f"{deps.settings.of(TelegramBotSettings).telegram_api_url}/bot{quote(token, safe=':')}/{method}"
    body, headers = (params, None) if upload is None else _form(params, upload)
    try:
        answer = deps.http.request(
            "POST", url, provider=PROVIDER, json=body, headers=headers, timeout=timeout, guarded=False
        )
    except ProviderError as error:
        raise error from None  # What caused it quotes the URL, and the token is in the URL.
    answered = answer.json()
    if not isinstance(answered, dict):
        return Reply(answer, ok=False)
    return Reply(
        answer,
        ok=answer.ok and answered.get("ok") is True,
        result=answered.get("result"),
        description=str(answered.get("description") or "").replace(token, "***")[:500],
        parameters=answered.get("parameters") if isinstance(answered.get("parameters"), dict) else None,
    )


def _form(params: Mapping[str, Any], upload: Upload) -> tuple[object, dict[str, str]]:
    """The parameters as a form (https://core.telegram.org/bots/api#sending-files): those of parts are JSON."""
    fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}
    body, content_type = form(fields, {upload.name: upload.file})
    return body, {"Content-Type": content_type}


def result(reply: Reply) -> Any:
    """What the method gave.

    Raises `ProviderRejected`, `ProviderUnavailable` with Telegram's
    `retry_after`, or `OutcomeUnknown` when a success cannot be read.
    """
    if reply.ok:
        return reply.result
    if reply.answer.ok:
        raise OutcomeUnknown(PROVIDER, "the answer is not one of the Bot API's")
    if reply.answer.status in (401, 404):
        raise ProviderRejected(PROVIDER, "Telegram does not know this bot token; check config.botToken")
    reason = reply.description or f"HTTP {reply.answer.status} without an explanation"
    raise refusal(PROVIDER, reply.answer, reason, retry_after=reply.parameter("retry_after"))
