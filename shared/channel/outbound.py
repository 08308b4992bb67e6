"""`outbound.py` of a channel: sending a message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared.channel.config import Config

if TYPE_CHECKING:
    from shared.deps import Deps
    from shared.domain.instances import Instance
    from shared.domain.outbox import OutboxPayload


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The provider's answer: the message's id there, and the chat's address when it differs from the one used.

    Where the provider made several messages of it, `further_ids` are those of the others: their echoes and receipts
    are about this message, too. `note` says what went out otherwise than it was written, such as a file as a link.
    """

    external_message_id: str | None
    external_conversation_id: str | None = None
    note: str | None = None
    further_ids: tuple[str, ...] = ()


class OutboundModule(Protocol[Config]):
    """What every channel has."""

    def send(self, deps: Deps, instance: Instance, config: Config, payload: OutboxPayload) -> Sent:
        """Send one message; raises `ProviderRejected`, `ProviderUnavailable` or `OutcomeUnknown`."""
        ...


class SupportsParts(Protocol):
    """A channel whose provider takes some messages only as several, such as one for each file."""

    def parts(self, payload: OutboxPayload) -> list[OutboxPayload]:
        """What `send` can send at once, in order: at least one, and the same ones whenever it is asked.

        The hub writes down each that is out, so that none is sent again when a later one fails.
        """
        ...
