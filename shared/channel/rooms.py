"""`rooms.py` of a channel: rooms in which people meet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from shared.channel.config import Config

if TYPE_CHECKING:
    from shared.deps import Deps
    from shared.domain.conversations import Conversation
    from shared.domain.instances import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A token that lets `identity` into a conversation's room until `expires_at`."""

    room: str
    token: str
    identity: str
    expires_at: datetime


class RoomsModule(Protocol[Config]):
    """Channels whose conversations have a room."""

    def admit(
        self, deps: Deps, instance: Instance, config: Config, conversation: Conversation, identity: str
    ) -> Admission:
        """Let an identity into the conversation's room, which is opened if need be; raises a `ProviderError`."""
        ...

    def guest_key(self, config: Config) -> str:
        """The key of the tokens by which a customer asks to be admitted; raises `ProviderRejected` without one."""
        ...
