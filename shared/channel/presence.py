"""`presence.py` of a channel: what the customer sees of the business while nothing is sent.

The payloads have no content: they say where the conversation is, with what the channel needs for an answer. All of it
raises what `send` raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from shared.channel.config import Config

if TYPE_CHECKING:
    from shared.deps import Deps
    from shared.domain.instances import Instance
    from shared.domain.outbox import OutboxPayload


class SupportsTyping(Protocol[Config]):
    """Providers that show that an answer is being written."""

    def show_typing(self, deps: Deps, instance: Instance, config: Config, payload: OutboxPayload) -> float:
        """Show it for a while, or until the answer comes; returns after how many seconds it has to be shown again."""
        ...


class SupportsReadMarks(Protocol[Config]):
    """Providers that show what the business has read."""

    def mark_read(
        self,
        deps: Deps,
        instance: Instance,
        config: Config,
        payload: OutboxPayload,
        external_message_ids: Sequence[str],
    ) -> None:
        """Mark a customer's messages as read, which are named the oldest first. May be done twice."""
        ...
