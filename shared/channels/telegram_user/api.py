"""The way to Telegram: telethon's, which tests replace by their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from shared.channels.telegram_user.config import TelegramUserSettings
from shared.channels.telegram_user.gateway import PROVIDER, Gateway
from shared.config import Settings
from shared.errors import ProviderUnavailable

Opener: TypeAlias = Callable[[int, str], Gateway]
"""Makes a gateway of `api_id` and `api_hash`."""


def _telethon(api_id: int, api_hash: str) -> Gateway:
    from shared.channels.telegram_user.telethon_gateway import (  # noqa: PLC0415 - only who logs in or listens needs it
        TelethonGateway,
    )

    return TelethonGateway(api_id, api_hash)


_openers: list[Opener] = [_telethon]


@contextmanager
def reached_by(opener: Opener) -> Iterator[None]:
    """Reach Telegram by another way for a while."""
    _openers.append(opener)
    try:
        yield
    finally:
        _openers.remove(opener)


def is_configured(settings: Settings) -> bool:
    telegram = settings.of(TelegramUserSettings)
    return telegram.telegram_api_id is not None and telegram.telegram_api_hash is not None


def gateway(settings: Settings) -> Gateway:
    """The way to Telegram; raises `ProviderUnavailable`, which names the variables, when the settings are not there."""
    telegram = settings.of(TelegramUserSettings)
    if telegram.telegram_api_id is None or telegram.telegram_api_hash is None:
        raise ProviderUnavailable(PROVIDER, "TELEGRAM_API_ID and TELEGRAM_API_HASH are not set")
    return _openers[-1](telegram.telegram_api_id, telegram.telegram_api_hash.get_secret_value())
