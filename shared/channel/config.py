"""`config.py` of a channel: the model of an instance's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from shared.config import Settings

OPERATORS = "operators"
"""In the context that a configuration is validated in: whether its tenant is the operator's own.

Only then it may do without what the machine itself would be trusted with.
"""


class SupportsDefaults(Protocol):
    """Channels whose configuration may come from the deployment's settings."""

    def defaults(self, settings: Settings) -> Mapping[str, Any]:
        """The fields that the settings give, which an instance's own values override."""
        ...
