"""What tenants keep with an instance that no schema of ours knows: it may be a secret under any name.

It is sealed with the instance's credentials and shown masked. Values that are too short for a secret are shown as they
are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MASK = "••••"

SECRET = "_unlisted"  # noqa: S105 - the name under which it lies among the credentials

_LISTED_METADATA = frozenset({"phoneNumber", "botUsername", "pageName", "embedCode"})
"""What OmniChat's own pages keep in a channel's metadata."""

_LONGEST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Unlisted:
    """The unknown part of an instance's configuration, and of its metadata."""

    config: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, credentials: Mapping[str, str]) -> Unlisted:
        """What lies among the credentials."""
        return cls(**json.loads(credentials[SECRET])) if SECRET in credentials else cls()

    def sealed(self) -> dict[str, str]:
        """What to store among the credentials."""
        parts = {"config": self.config, "metadata": self.metadata}
        return {SECRET: json.dumps(parts)} if self.config or self.metadata else {}


def split_metadata(metadata: Mapping[str, Any], former: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The known and the unknown part; a mask that came back stands for the former value."""
    listed = {name: value for name, value in metadata.items() if name in _LISTED_METADATA}
    unknown = {name: value for name, value in metadata.items() if name not in _LISTED_METADATA}
    whole = {name: former.get(name) if is_mask(value) else value for name, value in unknown.items()}
    return listed, {name: value for name, value in whole.items() if not is_mask(unknown[name]) or name in former}


def mask(secret: str) -> str:
    """A secret as those may see it who may not read it: its last four characters, when it has sixteen or more."""
    return MASK + secret[-4:] if len(secret) >= 16 else MASK


def is_mask(value: object) -> bool:
    """Whether a client sent back what it was shown instead of a secret."""
    return isinstance(value, str) and value.startswith(MASK)


def masked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Unknown values as people may see them."""
    return {name: _visible(value) for name, value in values.items()}


def _visible(value: object) -> object:
    text = value if isinstance(value, str) else json.dumps(value)
    if len(text) <= _LONGEST_SHOWN:
        return value
    return mask(text) if isinstance(value, str) else MASK
