"""What the hub and a worker say to each other, as lines of JSON over a socket that the worker inherits.

A worker is a process that holds the connection of one account. It gets the number of its socket as its last argument
and is told to `Start`. Each line is an object whose `type` is the name of a class below in snake case, and whose other
fields are that class's. Both sides leave out what they do not know, so that either may be newer than the other. The
worker ends when its socket is closed, and when the hub has not sent a `Ping` for `SILENCE_SECONDS`: then it may have
lost the right to hold the account.

Messages have the JSON of WhatsApp's protocol buffers (`waE2E.Message`) in the spelling of its web clients
(`fileSha256`, `stanzaId`), with bytes in base64, long numbers as text and enums as names. Files are bytes in base64,
never paths or addresses. Addresses are WhatsApp's own, without a device (`5511988887777@s.whatsapp.net`, `…@lid`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

PING_SECONDS = 5.0
SILENCE_SECONDS = 25.0
"""After which the other side is taken for dead; less than a lease lasts beyond its last renewal."""

# --- From the hub to the worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Connect the account whose state is in the file `store`, or pair one into it if it holds none.

    With `phone` (digits) a code to type in is asked for as well. `name` is shown on the phone among its linked devices.
    With `online` the account's contacts see it online, and WhatsApp tells when they write.
    """

    store: str
    name: str
    phone: str | None = None
    online: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send a message to `to`; an `Answer` with the same `number` follows."""

    number: int
    to: str
    message: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Encrypt and upload `content`, and send the message that describes it; an `Answer` follows."""

    number: int
    to: str
    message: Mapping[str, Any]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing:
    """Show in the chat that somebody writes, or does no more."""

    to: str
    is_typing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Mark messages that `sender` wrote in `chat` as read; an `Answer` follows."""

    number: int
    chat: str
    sender: str
    ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The hub has published the message with this id, or leaves it out: WhatsApp may hear that it was received."""

    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """The hub lives, and still holds the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logout:
    """Unlink the device at WhatsApp; an `Answer` follows."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Close the connection and end."""


# --- From the worker to the hub


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """The worker lives; sent at the start and every `PING_SECONDS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Qr:
    """A code to scan, good for `seconds`; with `pairing_code` one that can be typed in instead."""

    code: str
    seconds: int
    pairing_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The code was scanned; the connection follows."""

    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """The connection is up: messages come and can be sent."""

    account: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message, an edit, a deletion, a reaction or a call, from anybody in a chat or from the account's own phone.

    `data` has `key` (`id`, `remoteJid`, `remoteJidAlt`, `fromMe`, `participant`, `participantAlt`), `messageTimestamp`
    in seconds, `pushName` and `message`; of a vote in a poll also `vote`, with the digests (SHA-256) of the options as
    `selectedOptions`. What is `history` was said before the account was paired. `copy` names the file in `copies/`,
    beside the store, in which the worker keeps this line until the hub deletes it. From before the library decrypts a
    message until it is kept there is a file in `expected/` for it. WhatsApp hears nothing of the message before the
    hub says `Taken`, so that it comes again to whoever holds the account next.
    """

    data: Mapping[str, Any]
    history: bool = False
    copy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Messages of ours in `chat` have this status."""

    chat: str
    ids: Sequence[str]
    status: Literal["DELIVERY_ACK", "READ", "PLAYED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Composing:
    """Somebody writes, or records, in their private chat now; `other` is their other address, or nothing."""

    chat: str
    other: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected:
    """The connection broke; the worker tries to get it back by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """Somebody else connected with the same keys. The worker does not try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOut:
    """The account has been unlinked, on the phone or by WhatsApp. Its state is worth nothing any more."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Banned:
    """WhatsApp refuses the account for `seconds`, as far as it tells."""

    why: str
    seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingEnded:
    """Nobody scanned a code in time, or WhatsApp refused the pairing."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The worker cannot go on, and ends; `why` says what to do."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a command: of what was sent WhatsApp's id, and the chat's address.

    `refused`: WhatsApp said no. `unavailable`: nothing was sent. `unknown`: it may have been.
    """

    number: int
    outcome: Literal["done", "refused", "unavailable", "unknown"] = "done"
    message_id: str | None = None
    chat: str | None = None
    why: str = field(default="")


Command: TypeAlias = Start | Send | Media | Typing | Read | Taken | Ping | Logout | Stop
Report: TypeAlias = (
    Alive
    | Qr
    | Paired
    | Connected
    | Message
    | Receipt
    | Composing
    | Disconnected
    | Replaced
    | LoggedOut
    | Banned
    | PairingEnded
    | Failed
    | Answer
)


def _type_of(form: type[Command | Report]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", form.__name__).lower()


_COMMANDS: Mapping[str, type[Command]] = {
    _type_of(form): form for form in (Start, Send, Media, Typing, Read, Taken, Ping, Logout, Stop)
}
_REPORTS: Mapping[str, type[Report]] = {
    _type_of(form): form
    for form in (
        Alive,
        Qr,
        Paired,
        Connected,
        Message,
        Receipt,
        Composing,
        Disconnected,
        Replaced,
        LoggedOut,
        Banned,
        PairingEnded,
        Failed,
        Answer,
    )
}


def line(message: Command | Report) -> bytes:
    """The line that says it."""
    return json.dumps({"type": _type_of(type(message))} | asdict(message)).encode() + b"\n"


def command(text: bytes) -> Command | None:
    """The command of a line; None for one that this version does not know. Raises `ValueError` for what is none."""
    form, values = _parsed(text, _COMMANDS)
    return form(**values) if form else None


def report(text: bytes) -> Report | None:
    """The report of a line; None for one that this version does not know. Raises `ValueError` for what is none."""
    form, values = _parsed(text, _REPORTS)
    return form(**values) if form else None


def _parsed(text: bytes, forms: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("a line is JSON") from None
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise ValueError("a line is an object with a type")
    form = forms.get(value["type"])
    if form is None:
        return None, {}
    names = {each.name for each in fields(form)}
    values = {name: entry for name, entry in value.items() if name in names}
    try:
        form(**values)
    except TypeError as error:
        raise ValueError(f"a line lacks a field: {error}") from None
    for name, kinds in _kinds(form).items():
        if name in values and not _is_one_of(values[name], kinds):
            raise ValueError(f"a line has a wrong {name}")
    return form, values


@cache
def _kinds(form: type[Command | Report]) -> Mapping[str, Any]:
    return get_type_hints(form)


def _is_one_of(value: object, kind: Any) -> bool:
    """Whether the value is what the annotation of a field says, of those that the classes above have."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return any(_is_one_of(value, each) for each in arguments)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if origin is Sequence:
        return isinstance(value, list) and all(_is_one_of(each, arguments[0]) for each in value)
    if origin is Mapping:
        return isinstance(value, dict)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)
