"""Which adapter serves a new instance of a type that has several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared import channels
from shared.config import Settings
from shared.domain.field_names import snake_case
from shared.domain.instances import ChannelType
from shared.usecases.instances import instance_config

API_KEY = "api_key"


def chosen(settings: Settings, channel_type: ChannelType, config: Mapping[str, Any]) -> str:
    """The adapter that the configuration names, else one that the deployment's settings speak for, else the type's own.

    Of WhatsApp: `evolution` where there is a server, `cloud` where there are Meta's ids, else a socket of our own, if
    the deployment can keep its session. Raises `BadRequest` for an unknown provider.
    """
    adapter = chosen_by(channel_type, config)
    if adapter is not None:
        return adapter
    for adapter in channel_type.adapters:
        if _speaks_for(adapter, instance_config.defaults(adapter, settings)):
            return adapter
    if config.get(API_KEY):
        # A key for no provider in particular is the default one's.
        return channels.default_adapter(channel_type)
    return _fallback(settings, channel_type)


def chosen_by(channel_type: ChannelType, config: Mapping[str, Any]) -> str | None:
    """The adapter that a configuration names by its `provider` or by a field of its own; None where it names none.

    Raises `BadRequest` for an unknown provider.
    """
    provider = config.get("provider")
    if provider not in (None, ""):
        return channels.adapter_for(channel_type, provider)
    fields = [snake_case(name) for name, value in config.items() if value not in (None, "")]
    return next((adapter for adapter in channel_type.adapters if _speaks_for(adapter, fields)), None)


def is_fallback(adapter: str) -> bool:
    """Whether an adapter was chosen because nothing spoke for another one of its type."""
    is_only_one = len(channels.type_of(adapter).adapters) < 2
    return not is_only_one and not channels.channel(adapter).setup.chosen_by


def _speaks_for(adapter: str, fields: Iterable[str]) -> bool:
    if len(channels.type_of(adapter).adapters) < 2:
        return False
    return not channels.channel(adapter).setup.chosen_by.isdisjoint(fields)


def _fallback(settings: Settings, channel_type: ChannelType) -> str:
    if len(channel_type.adapters) < 2:
        return channels.default_adapter(channel_type)
    for adapter in channel_type.adapters:
        channel = channels.channel(adapter)
        if not channel.setup.chosen_by and (channel.runtime == "function" or settings.keeps_sessions):
            return adapter
    return channels.default_adapter(channel_type)
