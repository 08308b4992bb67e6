"""Providers behind several channel types: the Dashboard speaks of them beside the types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.domain.instances import ChannelType, Instance

TYPES: Mapping[str, tuple[ChannelType, ...]] = {
    "twilio": (ChannelType.VOICE, ChannelType.SMS, ChannelType.VIDEO),
}
"""Which types a provider can stand behind, the one first by which its credential is tried."""


def provider_of(instance: Instance) -> str | None:
    """Who carries an instance: what its configuration names, else the provider of its type; None for all others."""
    usual = next((name for name, types in TYPES.items() if instance.type in types), None)
    named = instance.config.get("provider")
    return str(named) if usual and named else usual


def carried_by(name: str, instances: Iterable[Instance]) -> list[Instance]:
    return [instance for instance in instances if provider_of(instance) == name]
