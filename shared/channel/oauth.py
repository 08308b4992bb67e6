"""`oauth.py` of a channel: connecting an account in a browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared.channel.config import Config

if TYPE_CHECKING:
    from shared.channel.lifecycle import Connection
    from shared.config import Settings
    from shared.deps import Deps
    from shared.domain.instances import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """The address to which a provider sends a browser back after consent, and the `state` that it must return."""

    url: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where a person goes in a browser to connect an account; `message` tells what to do there, or first."""

    message: str
    auth_url: str | None = None
    invite_url: str | None = None


class OAuthModule(Protocol[Config]):
    """Channels that a person connects in a browser."""

    def links(self, settings: Settings, config: Config, redirect: Redirect | None) -> Links:
        """The addresses to open; `redirect` is None where the hub has no address of its own."""
        ...


class SupportsInstall(Protocol[Config]):
    """Providers that send the browser back with a code."""

    def install(self, deps: Deps, instance: Instance, config: Config, code: str, redirect_url: str) -> Connection:
        """Exchange the code for an account with its credentials; raises a `ProviderError`."""
        ...
