"""What is asked of Telegram, as a seam: one implementation speaks MTProto through telethon, tests have their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from shared.channel.connection import Listener, OpenConnection, Position
from shared.channelkit.entities import Entity
from shared.domain.messages import MessageKind
from shared.errors import ProviderRejected

PROVIDER = "telegram_user"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRequested:
    """Telegram sent a code to the number's devices. `session` and `code_hash` are secrets that signing in needs."""

    session: str
    code_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """`session` gives the whole account to whoever holds it."""

    session: str
    user_id: int
    name: str
    phone: str | None = None
    username: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordNeeded:
    """The code was right, and the account has a password as well."""

    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One message to send, or what is done to one. `nonce` (64 bits, not 0) is its id for Telegram, which takes each
    only once.

    `form` says what it is: a text, a file by its URL, a place; or what becomes of
    message `reply_to`: a reaction, whose emoji is the text (empty: none any more), an
    edit, a deletion, or that it was read. `entities` say how the text looks.
    """

    chat: int | str
    access_hash: int | None = None
    nonce: int
    form: Literal["text", "file", "place", "reaction", "edit", "deletion", "read"] = "text"
    text: str = ""
    entities: Sequence[Entity] = ()
    reply_to: int | None = None
    url: str | None = None
    kind: MessageKind = MessageKind.DOCUMENT
    latitude: float = 0.0
    longitude: float = 0.0
    title: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """The message's number, None where Telegram only says that it has it already; and its chat."""

    number: int | None
    chat: int


class FileRefused(ProviderRejected):
    """Telegram cannot fetch or use the file; the text alone would go through."""


class Line(OpenConnection, Protocol):
    """Only one process may hold one: Telegram ends a session that it sees twice."""

    def send(self, post: Post) -> Posted:
        """Send; raises `FileRefused`, `ProviderRejected`, `SessionEnded` or `ProviderUnavailable`.

        After all but the first two the same post may be sent again: its nonce keeps it from arriving twice.
        """
        ...


class Gateway(Protocol):
    """The way to Telegram.

    The calls of a login raise `BadRequest` with the field that is wrong,
    `TooManyRequests` with Telegram's own pause, or a `ProviderError`.
    """

    def request_code(self, phone: str) -> CodeRequested:
        """Have a code sent to a number in international form."""
        ...

    def sign_in(self, session: str, phone: str, code_hash: str, code: str) -> SignedIn | PasswordNeeded: ...

    def check_password(self, session: str, password: str) -> SignedIn: ...

    def log_out(self, session: str) -> None:
        """End a session at Telegram; one that has ended already is fine."""
        ...

    def listen(self, session: str, position: Position | None, listener: Listener) -> Line:
        """Open a line; raises `SessionEnded` or `ProviderUnavailable`."""
        ...

    def close(self) -> None:
        """Let go of what the lines share."""
        ...
