"""Who it is: events carry nothing but a user's id."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from shared.channels.slack.api import ask, text_of
from shared.channels.slack.config import SlackConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import ProviderError

_log = logging.getLogger(__name__)

_TIMEOUT = 5.0
_PEOPLE_SAY = frozenset({"message", "app_mention"})


def enrich(deps: Deps, instance: Instance, config: SlackConfig, payload: Any) -> Any:
    """Put the writer's name into a message's payload; a message is taken without it where Slack does not tell."""
    user = _writer(payload)
    if user is None or config.bot_token is None:
        return payload
    cached = deps.cache.get(("slack name", instance.id, user), lambda: _look_up(deps, config, user))
    return {**payload, "name": cached[0]} if cached[0] else payload


def _writer(payload: object) -> str | None:
    event = payload.get("event") if isinstance(payload, Mapping) else None
    if not isinstance(event, Mapping) or event.get("type") not in _PEOPLE_SAY or event.get("bot_id"):
        return None
    user, hidden = event.get("user"), event.get("subtype") in ("message_changed", "message_deleted")
    return user if isinstance(user, str) and not hidden else None


def _look_up(deps: Deps, config: SlackConfig, user: str) -> tuple[str | None]:
    try:
        about = ask(deps, config, "users.info", {"user": user}, timeout=_TIMEOUT)
    except ProviderError as error:
        _log.info("slack did not tell a user's name", extra={"why": error.detail})
        return (None,)
    name = text_of(about, "user", "profile", "display_name") or text_of(about, "user", "profile", "real_name")
    return (name or text_of(about, "user", "real_name"),)
