"""Providers behind several channel types: the Dashboard lists them beside the types."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from shared import channels
from shared.domain.instances import ChannelType, Instance


@cache
def types_by_provider() -> dict[str, tuple[ChannelType, ...]]:
    """Which types each of them can stand behind, the one first by which its credential is tried."""
    types: dict[str, tuple[ChannelType, ...]] = {}
    for channel_type in ChannelType:
        for adapter in channel_type.adapters:
            if provider := channels.channel(adapter).setup.provider:
                types[provider] = (*types.get(provider, ()), channel_type)
    return types


def provider_of(instance: Instance) -> str | None:
    """The provider of an instance, where it is one of these; a type may have adapters for several providers."""
    return channels.channel(instance.adapter).setup.provider if instance.adapter in channels.names() else None


def carried_by(name: str, instances: Iterable[Instance]) -> list[Instance]:
    return [instance for instance in instances if provider_of(instance) == name]
