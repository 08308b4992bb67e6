"""A channel's folder fulfils the contract of `shared/channel`; each failure says what to edit."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from infra import channel_index
from shared import channel as contract
from shared import channels
from shared.channel.inbound import InboundModule
from shared.channel.outbound import OutboundModule
from shared.channel.webhook import WebhookModule

every_channel = pytest.mark.parametrize("name", channels.names())


def _protocols() -> Iterator[tuple[str, type[Any]]]:
    """The Protocols that a channel's modules implement, by the name of the module."""
    for module in pkgutil.iter_modules(contract.__path__):
        declared = vars(import_module(f"{contract.__name__}.{module.name}")).values()
        for protocol in declared:
            is_own = inspect.isclass(protocol) and protocol.__module__ == f"{contract.__name__}.{module.name}"
            if (is_own and protocol.__name__.startswith("Supports")) or (
                is_own and protocol.__name__.endswith("Module")
            ):
                yield module.name, protocol


@every_channel
@pytest.mark.parametrize("protocol", [WebhookModule, InboundModule, OutboundModule])
def test_a_channel_has_what_every_channel_needs(name: str, protocol: type[Any]) -> None:
    file = f"shared/channels/{name}/{protocol.__module__.rpartition('.')[2]}.py"
    functions = [function for function in vars(protocol) if not function.startswith("_")]
    assert channels.ability(name, protocol), f"add {' and '.join(functions)} to {file}"


@every_channel
def test_mypy_compares_each_module_with_its_protocols(name: str) -> None:
    file = Path(channels.__file__).parent / name / "__init__.py"
    text = file.read_text("utf-8")
    for module, protocol in _protocols():
        generic = f"[{channels.channel(name).config.__name__}]" if getattr(protocol, "__parameters__", ()) else ""
        check = f": {protocol.__name__}{generic} = {module}\n"
        if channels.ability(name, protocol) is not None:
            assert check in text, f"add `_name{check.strip()}` under `if TYPE_CHECKING:` in {file}"


def test_a_channel_without_a_module_or_a_function_lacks_the_ability() -> None:
    protocols = {protocol.__name__: protocol for _, protocol in _protocols()}
    assert channels.ability("widget", protocols["MediaModule"]) is None
    assert channels.ability("widget", protocols["SupportsPairing"]) is None
    assert channels.ability("no_such_channel", protocols["WebhookModule"]) is None


def test_the_lists_of_settings_and_routes_are_what_the_channels_declare() -> None:
    assert [str(path) for path in channel_index.outdated()] == [], "run make fix"


@every_channel
def test_a_channel_is_named_after_its_type(name: str) -> None:
    """`config.provider` picks the adapter by what follows the type."""
    channel_type = channels.type_of(name)
    assert name == channel_type.value or name.startswith(f"{channel_type.value}_"), (
        f"call the folder shared/channels/{channel_type.value}_<provider>"
    )
