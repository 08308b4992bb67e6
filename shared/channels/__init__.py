"""The channels, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from shared.channel import Channel
from shared.domain.instances import ChannelType
from shared.errors import NotFound

_MODULES: Mapping[str, ChannelType] = {
    "whatsapp_evolution": ChannelType.WHATSAPP,
    "telegram_bot": ChannelType.TELEGRAM_BOT,
    "facebook": ChannelType.FACEBOOK,
    "widget": ChannelType.WIDGET,
}
"""Every adapter and the channel type it serves; the first of a type is that type's default."""


def names() -> list[str]:
    return list(_MODULES)


def default_adapter(channel_type: ChannelType) -> str:
    """The adapter that serves a type unless one is named; a type without one gives its own name."""
    return next((name for name, served in _MODULES.items() if served is channel_type), channel_type.value)


def channel(name: str) -> Channel[Any]:
    """The channel of that name, imported on first use; raises `NotFound`."""
    if name not in _MODULES:
        raise NotFound(f"there is no channel {name!r}")
    loaded: Channel[Any] = import_module(f"shared.channels.{name}").channel
    return loaded
