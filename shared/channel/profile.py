"""`profile.py` of a channel: how the account looks to those it writes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shared.channel.config import Config

if TYPE_CHECKING:
    from shared.deps import Deps
    from shared.domain.instances import Instance


class SupportsPicture(Protocol[Config]):
    """Accounts whose picture can be changed."""

    def set_picture(self, deps: Deps, instance: Instance, config: Config, url: str) -> None:
        """Show the picture at this address from now on; raises a `ProviderError`."""
        ...
