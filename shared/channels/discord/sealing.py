"""The token that answers an interaction, sealed on its way from the call to the answer.

Who has it may speak as the bot for a quarter of an hour, and events and conversations are kept for longer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from shared.channels.discord.config import DiscordConfig
from shared.domain.instances import Instance
from shared.errors import ConfigurationInvalid
from shared.security import sealed

_PURPOSE = b"tokens of interactions"


def seal(instance: Instance, config: DiscordConfig, payload: Any) -> Any:
    """The payload with its token sealed; without a bot token, which the key is made of, the token is dropped."""
    if not isinstance(payload, Mapping) or not isinstance(payload.get("token"), str):
        return payload
    return {**payload, "token": seal_token(instance.id, config, payload["token"])}


def seal_token(instance_id: str, config: DiscordConfig, token: str) -> str:
    """Empty where there is no key."""
    key = _key(config)
    return (
        base64.urlsafe_b64encode(sealed.seal(key, instance_id, token.encode("utf-8", "replace"))).decode()
        if key
        else ""
    )


def unseal_token(instance_id: str, config: DiscordConfig, sealed_token: str) -> str | None:
    """The token; None where the bot's token is another one by now, or what is given was never sealed."""
    key = _key(config)
    if key is None or not sealed_token:
        return None
    try:
        return sealed.unseal(key, instance_id, base64.urlsafe_b64decode(sealed_token)).decode()
    except (ConfigurationInvalid, ValueError):
        return None


def _key(config: DiscordConfig) -> bytes | None:
    """All processes have the bot's token, so that nothing else needs to be agreed on."""
    if config.bot_token is None:
        return None
    return hmac.digest(config.bot_token.get_secret_value().encode(), _PURPOSE, hashlib.sha256)
