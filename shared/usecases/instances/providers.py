"""Providers behind several channel types: the Dashboard speaks of them beside the types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.domain.instances import ChannelType, Instance

TYPES: Mapping[str, tuple[ChannelType, ...]] = {
    "twilio": (ChannelType.VOICE, ChannelType.SMS, ChannelType.VIDEO),
}
"""Which types a provider can stand behind, the one first by which its credential is tried."""

_ADAPTERS: Mapping[str, frozenset[str]] = {"twilio": frozenset({"voice", "sms_twilio", "video"})}


def provider_of(instance: Instance) -> str | None:
    """Who carries an instance, where it is one of these; a type may have adapters for several providers."""
    return next((name for name, adapters in _ADAPTERS.items() if instance.adapter in adapters), None)


def carried_by(name: str, instances: Iterable[Instance]) -> list[Instance]:
    return [instance for instance in instances if provider_of(instance) == name]
