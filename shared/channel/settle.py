"""`settle.py` of a channel: what becomes of a message of which nobody knows whether the provider has it.

Without either ability only an echo can tell, else a person decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from shared.channel.config import Config
from shared.channel.outbound import Sent

if TYPE_CHECKING:
    from shared.deps import Deps
    from shared.domain.instances import Instance
    from shared.domain.outbox import OutboxPayload


class SupportsLookup(Protocol[Config]):
    """A channel whose provider can be asked what an account has sent."""

    def sent_messages(
        self, deps: Deps, instance: Instance, config: Config, payload: OutboxPayload, since: datetime
    ) -> Sequence[Sent]:
        """What the account has sent to the chat since then that says what `payload` says, the oldest first.

        Takes one call, and looks at no more than the chat's latest messages. The hub leaves out those that it knows as
        other messages of its own. Raises a `ProviderError` when the provider does not tell.
        """
        ...


class SupportsRepeats(Protocol):
    """A channel whose provider recognises a message that comes again, or which knows that none has left."""

    def may_repeat(self, deps: Deps, instance: Instance, payload: OutboxPayload, since: datetime) -> bool:
        """Whether sending again now what was claimed for sending at `since` cannot reach the customer twice."""
        ...
