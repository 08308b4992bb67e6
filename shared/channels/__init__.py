"""The channels, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from shared.channel import Channel
from shared.domain.instances import ChannelType
from shared.errors import BadRequest, NotFound

_MODULES: Mapping[str, ChannelType] = {
    "whatsapp_evolution": ChannelType.WHATSAPP,
    "whatsapp_cloud": ChannelType.WHATSAPP,
    "telegram_bot": ChannelType.TELEGRAM_BOT,
    "telegram_user": ChannelType.TELEGRAM_USER,
    "facebook": ChannelType.FACEBOOK,
    "widget": ChannelType.WIDGET,
    "sms_twilio": ChannelType.SMS,
    "sms_sns": ChannelType.SMS,
    "voice": ChannelType.VOICE,
    "video": ChannelType.VIDEO,
    "slack": ChannelType.SLACK,
    "discord": ChannelType.DISCORD,
    "email_ses": ChannelType.EMAIL,
}
"""Every adapter and the channel type it serves; the first of a type is that type's default."""


def names() -> list[str]:
    return list(_MODULES)


def default_adapter(channel_type: ChannelType) -> str:
    """The adapter that serves a type unless one is named; a type without one gives its own name."""
    return next((name for name, served in _MODULES.items() if served is channel_type), channel_type.value)


def adapter_for(channel_type: ChannelType, provider: object) -> str:
    """The adapter of a type that a configuration's `provider` names (WhatsApp: `evolution`, `cloud`), else its default.

    Raises `BadRequest` for a provider that a type with several adapters has not
    got; with a single adapter the word is that adapter's own business.
    """
    adapters = [name for name, served in _MODULES.items() if served is channel_type]
    if provider in (None, "") or len(adapters) < 2:
        return default_adapter(channel_type)
    by_provider = {name.removeprefix(f"{channel_type.value}_"): name for name in adapters}
    found = by_provider.get(str(provider).strip().lower())
    if found is None:
        known = ", ".join(by_provider)
        raise BadRequest(f"config.provider: use one of {known}", {"config.provider": f"is none of {known}"})
    return found


@cache
def channel(name: str) -> Channel[Any]:
    """The channel of that name, imported on first use; raises `NotFound`."""
    if name not in _MODULES:
        raise NotFound(f"there is no channel {name!r}")
    loaded: Channel[Any] = import_module(f"shared.channels.{name}").channel
    return loaded
