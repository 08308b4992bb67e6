"""`inbound.py` of a channel: from a webhook's part to normal events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from shared.channel.config import Config

if TYPE_CHECKING:
    from shared.deps import Deps
    from shared.domain.inbound import ChannelEvent
    from shared.domain.instances import Instance


class InboundModule(Protocol):
    """What every channel has."""

    def parse(self, payload: Any) -> list[ChannelEvent]:
        """A part's payload as normal events. Does no I/O; raises `PayloadInvalid` and nothing else."""
        ...


class SupportsEnrichment(Protocol[Config]):
    """Parts that only refer to something, such as a mail in a bucket."""

    def enrich(self, deps: Deps, instance: Instance, config: Config, payload: Any) -> Any:
        """The payload with what it refers to, for `parse`.

        Raises a `ProviderError`, and the part comes again, or `PayloadInvalid` as `parse` does.
        """
        ...
