"""What is asked of Telegram, as a seam: one implementation speaks MTProto through telethon, tests have their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from shared.channelkit import lines
from shared.channelkit.lines import Listener, Position
from shared.channelkit.looks import Entity
from shared.config import Settings
from shared.domain.messages import MessageKind
from shared.errors import ProviderRejected, ProviderUnavailable

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
    """One message to send. `nonce` (64 bits, not 0) is its id for Telegram, which takes each only once.

    `form` says what it is: a text, a file by its URL, a place, or a reaction to
    message `reply_to`, whose emoji is the text (empty: none any more). `entities`
    say how the text looks.
    """

    chat: int | str
    access_hash: int | None = None
    nonce: int
    form: Literal["text", "file", "place", "reaction"] = "text"
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


class Line(lines.Line, Protocol):
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


Opener: TypeAlias = Callable[[int, str], Gateway]
"""Makes a gateway of `api_id` and `api_hash`."""


def _telethon(api_id: int, api_hash: str) -> Gateway:
    from shared.channels.telegram_user.telethon_gateway import (  # noqa: PLC0415 - only who logs in or listens needs it
        TelethonGateway,
    )

    return TelethonGateway(api_id, api_hash)


_openers: list[Opener] = [_telethon]


@contextmanager
def reached_by(opener: Opener) -> Iterator[None]:
    """Reach Telegram by another way for a while."""
    _openers.append(opener)
    try:
        yield
    finally:
        _openers.remove(opener)


def is_configured(settings: Settings) -> bool:
    return settings.telegram_api_id is not None and settings.telegram_api_hash is not None


def gateway(settings: Settings) -> Gateway:
    """The way to Telegram; raises `ProviderUnavailable`, which names the variables, when the settings are not there."""
    if settings.telegram_api_id is None or settings.telegram_api_hash is None:
        raise ProviderUnavailable(PROVIDER, "TELEGRAM_API_ID and TELEGRAM_API_HASH are not set")
    return _openers[-1](settings.telegram_api_id, settings.telegram_api_hash.get_secret_value())
