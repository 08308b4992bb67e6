"""`config.py` of a channel: the model of an instance's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from pydantic import BaseModel

    from shared.config import Settings

Config = TypeVar("Config", bound="BaseModel", contravariant=True)
"""The model of a channel's configuration, which its functions are given.

mypy compares a channel's functions with the Protocols for its own model; whoever calls a channel has a `BaseModel`.
"""

OPERATORS = "operators"
"""In the context that a configuration is validated in: whether its tenant is the operator's own.

Only then it may do without what the machine itself would be trusted with.
"""


class NamesAccount(Protocol[Config]):
    """Channels whose credentials say by themselves which account they are for."""

    def account_id(self, config: Config) -> str | None:
        """The instance's `external_id` once it is connected; None where only the provider can tell."""
        ...


class SupportsDefaults(Protocol):
    """Channels whose configuration may come from the deployment's settings."""

    def defaults(self, settings: Settings) -> Mapping[str, Any]:
        """The fields that the settings give, which an instance's own values override."""
        ...
