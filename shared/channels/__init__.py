"""The channels: `ChannelType` lists them, and this module loads their folders when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar, get_origin

from shared.channel import Channel
from shared.channel.address import AddressModule
from shared.domain.instances import ChannelType
from shared.errors import BadRequest, NotFound

P = TypeVar("P")

_TYPES = {name: channel_type for channel_type in ChannelType for name in channel_type.adapters}


def names() -> list[str]:
    return list(_TYPES)


def type_of(name: str) -> ChannelType:
    """The channel type that an adapter serves; raises `NotFound`."""
    if name not in _TYPES:
        raise NotFound(f"there is no channel {name!r}")
    return _TYPES[name]


def default_adapter(channel_type: ChannelType) -> str:
    """The adapter that serves a type unless one is named."""
    return channel_type.adapters[0]


def adapter_for(channel_type: ChannelType, provider: object) -> str:
    """The adapter of a type that a configuration's `provider` names (WhatsApp: `evolution`, `cloud`), else its default.

    Raises `BadRequest` for a provider that a type with several adapters has not
    got; with a single adapter the word is that adapter's own business.
    """
    if provider in (None, "") or len(channel_type.adapters) < 2:
        return default_adapter(channel_type)
    by_provider = {name.removeprefix(f"{channel_type.value}_"): name for name in channel_type.adapters}
    adapter = by_provider.get(str(provider).strip().lower())
    if adapter is None:
        providers = ", ".join(by_provider)
        raise BadRequest.of_field("config.provider", f"is none of {providers}", f"use one of {providers}")
    return adapter


@cache
def channel(name: str) -> Channel:
    """The description of the channel of that name, imported on first use; raises `NotFound`."""
    if name not in _TYPES:
        raise NotFound(f"there is no channel {name!r}")
    description: Channel = import_module(f"{__name__}.{name}").channel
    return description


def ability(name: str, protocol: Callable[..., P]) -> P | None:
    """The channel's module that fulfils a Protocol of `shared.channel`, imported on first use.

    It has the name of the module that declares the Protocol. None for a channel without that module or without the
    Protocol's functions in it, and for an unknown channel. (The parameter's type would be `type[P]`, but mypy refuses
    Protocols for that.)
    """
    module: P | None = _load(name, protocol)
    return module


@cache
def _load(name: str, protocol: Callable[..., object]) -> Any:
    if name not in _TYPES:
        return None
    path = f"{__name__}.{name}.{protocol.__module__.rpartition('.')[2]}"
    if find_spec(path) is None:
        return None
    module = import_module(path)
    functions = (function for function in vars(get_origin(protocol) or protocol) if not function.startswith("_"))
    return module if all(hasattr(module, function) for function in functions) else None


def implementation(name: str, protocol: Callable[..., P]) -> P:
    """As `ability`, for what every channel has; raises `NotFound` for an unknown channel."""
    module = ability(name, protocol)
    if module is None:
        raise NotFound(f"there is no channel {name!r}")
    return module


def canonical_address(name: str, address: str) -> str:
    """The spelling by which the channel of that name compares addresses; as it is where there is only one."""
    module = ability(name, AddressModule)
    return module.canonical(address) if module else address
