"""What is asked of WhatsApp, as a seam: a holder has a process per session, tests have their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from shared.channel.connection import Listener, OpenConnection
from shared.deps import Deps

PROVIDER = "whatsapp_web"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A pairing. `id` names its snapshots, which `key` seals; `epoch` is higher than that of every holder before.

    `phone` (digits) gets a code to type in where the session is not paired yet. With `is_online` contacts see the
    account online, and WhatsApp tells when they write.
    """

    id: str
    key: bytes = field(repr=False)
    epoch: int
    phone: str | None = None
    is_online: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A message that WhatsApp has taken, and its chat where that is not the address it was sent to."""

    message_id: str
    chat: str | None = None


class Line(OpenConnection, Protocol):
    """The connection of one account. Only one process may hold it: WhatsApp ends the older of two."""

    @property
    def own(self) -> str | None:
        """The account's own address, as soon as it has been connected."""
        ...

    def send(self, to: str, message: Mapping[str, Any], content: bytes | None = None) -> Posted:
        """Send a message in WhatsApp's JSON; `content` is the file that it describes, which is encrypted and uploaded.

        Raises `ProviderRejected`, `ProviderUnavailable` when nothing was sent, or `OutcomeUnknown`.
        """
        ...

    def may_have_sent(self, part_id: str, claimed_at: datetime) -> bool:
        """Whether the part that `message_secrets` names, claimed for sending then, may have left the account.

        False only where each process that could have sent it has ended, and none had begun to.
        """
        ...

    def show_typing(self, to: str) -> None:
        """Show in a chat for a while that somebody writes; raises `ProviderUnavailable`."""
        ...

    def mark_read(self, chat: str, sender: str, ids: Sequence[str]) -> None:
        """Mark messages that `sender` wrote in `chat` as read; raises `ProviderUnavailable`."""
        ...

    def leave(self) -> None:
        """Unlink the account and destroy what is left of its session; raises `ProviderUnavailable`."""
        ...


class Gateway(Protocol):
    """The way to WhatsApp for all accounts that one process holds."""

    def listen(self, session: Session, listener: Listener) -> Line:
        """Open a paired account's connection, or begin a pairing; raises `SessionEnded` or `ProviderUnavailable`."""
        ...

    def close(self) -> None:
        """Let go of what the lines share."""
        ...


Opener: TypeAlias = Callable[[Deps], Gateway | None]

_openers: list[Opener] = []


@contextmanager
def reached_by(opener: Opener) -> Iterator[None]:
    """Reach WhatsApp in this way for a while."""
    _openers.append(opener)
    try:
        yield
    finally:
        _openers.remove(opener)


def reach_by(opener: Opener) -> None:
    """Reach WhatsApp in this way from now on, unless `reached_by` says another one."""
    if not _openers:
        _openers.append(opener)


def gateway(deps: Deps) -> Gateway | None:
    """None in a process that cannot hold connections."""
    return _openers[-1](deps) if _openers else None
