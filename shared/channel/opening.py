"""`opening.py` of a channel: the first message of a session that the business begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared.channel.config import Config

if TYPE_CHECKING:
    from shared.deps import Deps
    from shared.domain.conversations import Conversation
    from shared.domain.instances import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The first message of a session that the business began.

    `here` sends it on the channel itself; else it goes where the customer reads
    it, on the channel that the session comes from, if there is one.
    """

    text: str
    here: bool = True


class OpeningModule(Protocol[Config]):
    """Channels on which such a session begins with a message: a call, an invitation."""

    def opening(
        self, deps: Deps, instance: Instance, config: Config, conversation: Conversation, moved: bool
    ) -> Opening | None:
        """The first message of a session that was begun here, or (`moved`) moved here. Does no I/O."""
        ...
