"""`changes.py` of a channel: editing and deleting a message that was sent.

Both may be done twice, for what nobody knows the outcome of is simply done again: a message that is as it should be,
or is not there any more, counts as done. They raise what `send` raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shared.channel.config import Config

if TYPE_CHECKING:
    from shared.deps import Deps
    from shared.domain.instances import Instance
    from shared.domain.outbox import OutboxPayload


class SupportsEdits(Protocol[Config]):
    """Providers that let a business change what it wrote."""

    def edit(
        self, deps: Deps, instance: Instance, config: Config, payload: OutboxPayload, external_message_id: str
    ) -> None:
        """Give a message the text of `payload`, which is otherwise as the message was sent.

        `external_message_id` is the provider's id of it, or of the part that carries its text; empty where the provider
        gave none.
        """
        ...


class SupportsDeletions(Protocol[Config]):
    """Providers that let a business take back what it wrote."""

    def delete(
        self, deps: Deps, instance: Instance, config: Config, payload: OutboxPayload, external_message_id: str
    ) -> None:
        """Take a message, or one of its parts, away from everybody; `payload` is as it was sent."""
        ...
