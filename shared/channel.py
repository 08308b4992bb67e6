"""What a channel is: a value of functions, one per ability; `None` means it has not got it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    # Only named here: whoever takes webhooks starts without most of them.
    from shared.config import Settings
    from shared.deps import Deps
    from shared.domain.conversations import Conversation
    from shared.domain.inbound import ChannelEvent
    from shared.domain.instances import ChannelType, Instance, InstanceStatus
    from shared.domain.kinds import MessageKind, MessageStatus
    from shared.domain.messages import Attachment, Message, OutboxPayload

C = TypeVar("C", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A provider's HTTP call. Header names are lower case; `url` is the public address that was called;

    `suffix` is what followed the instance in the path (Evolution's `byEvents` form).
    """

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    url: str
    suffix: str = ""
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPart:
    """A piece of a webhook that can be stored and handled on its own.

    Parts with the same `key` are handled in order, so the key names the chat.
    `payload` is JSON without any credential. `account` is the provider's id of
    the account it is for, where the webhook's path does not name the instance.
    """

    key: str
    payload: Any
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What the provider said: the message's id there, and the chat's address when it differs from the one used."""

    external_message_id: str | None
    external_conversation_id: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What connecting brought about, or how the connection stands.

    `detail` says why, for the operator; `secrets` are new credentials to keep
    (a webhook secret, an instance token).
    """

    status: InstanceStatus
    webhook_url: str | None = None
    external_id: str | None = None
    display_name: str | None = None
    phone_number: str | None = None
    qr_text: str | None = None
    qr_png_base64: str | None = None
    detail: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file's content; type and name are what its source says of it, and nobody has checked them."""

    content: bytes
    mime_type: str | None = None
    file_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a provider wants to hear in answer to its call."""

    body: str
    content_type: str = "application/json"
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a provider takes messages: so many a second of one account, and so many seconds apart in one chat.

    None means that no such limit is known. After a rest as many as `burst` (of
    one chat `chat_burst`) may go at once; without `burst`, a second's worth.
    """

    per_second: float | None = None
    chat_seconds: float | None = None
    burst: int | None = None
    chat_burst: int = 1


Markup: TypeAlias = Literal["slack", "whatsapp", "telegram", "discord", "html"]
"""A notation for how a text looks (`channelkit/markup.py`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a channel can carry, as data: clients are shown it, and the hub goes by it.

    `text_limit` is in UTF-16 units; `attachments` gives the kinds that can be
    sent and the most bytes of each (None: no limit is known); `receipts` are the
    statuses that the provider reports. Outside `window` after the customer's
    last message only a template may be sent; `longest_window` is how long it is
    at most, where the provider lengthens it for reasons that the hub cannot see.
    `templates` and `choices` say whether messages that were approved beforehand,
    and answers to choose from, can be sent. `addressed_by` names what of a
    customer's profile is an address here (`customer`: his own id); without it a
    customer can only be reached where he has written before. What is said on a
    `live` channel is answered at once, however often. Where an answer goes
    `in_one_piece` its paragraphs are not made messages of their own. `markup` is
    the notation (`channelkit/markup.py`) in which it shows what is bold, a link or
    code; without one it shows the text alone.
    """

    text_limit: int
    attachments: Mapping[MessageKind, int | None] = field(default_factory=dict)
    receipts: frozenset[MessageStatus] = frozenset()
    typing: bool = False
    reactions: bool = False
    window: timedelta | None = None
    longest_window: timedelta | None = None
    templates: bool = False
    choices: bool = False
    threads: bool = False
    live: bool = False
    in_one_piece: bool = False
    markup: Markup | None = None
    addressed_by: Literal["phone", "email", "customer"] | None = None
    pace: Pace = Pace()


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """Where a provider sends a browser back to after somebody agreed, and the `state` that it must bring along."""

    url: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where a person goes in a browser to connect an account; `message` tells what to do there, or first."""

    message: str
    auth_url: str | None = None
    invite_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a session begins with when the business began it.

    `here` sends it on the channel itself; else it goes where the customer reads
    it, on the channel that the session comes from, if there is one.
    """

    text: str
    here: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What lets `identity` into a conversation's room, until `expires_at`."""

    room: str
    token: str
    identity: str
    expires_at: datetime


OPERATORS = "operators"
"""In the context that a configuration is validated in: whether its tenant is the operator's own.

Only then it may do without what the machine itself would be trusted with.
"""

MEGABYTE = 1024 * 1024

MAX_MEDIA = 25 * MEGABYTE
"""Bytes of a file that the hub fetches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(Generic[C]):
    """A channel is what it can do.

    `verify` raises `SignatureInvalid`. `accept` cuts a webhook into parts and
    takes credentials out; `parse` turns a part's payload into normal events;
    neither does I/O, both raise `PayloadInvalid` and nothing else. `send`
    raises `ProviderRejected`, `ProviderUnavailable` or `OutcomeUnknown`.
    `address` gives the canonical key of an address that a person typed.
    `challenge` returns the body that answers a provider's GET, or raises
    `ChallengeRefused`. `connect` tells the provider where to call us and
    returns what is then known; it raises a `ProviderError` that an operator
    can act on. So do the others that return a `Connection`: `pair` begins a new
    pairing with a code to scan, unless the account turns out to be connected;
    `status` asks the provider how the connection stands; `restart` begins it
    anew; `logout` ends it; `remove` also deletes what the provider keeps of the
    instance. Doing `logout` or `remove` twice is no error.

    `conceal` replaces a credential of a part that only `send` has use for (what
    answers an interaction) by something that only this instance's configuration
    opens, before the part is published; it does no I/O.

    `vouch` is a second check for proofs that `verify` cannot judge without
    looking something up (a signer's certificate); it too raises
    `SignatureInvalid`, or a `ProviderError` when the look-up fails, and the
    provider tries again. `complete` gets what a part only refers to (a mail in
    a bucket) before the part is parsed; it raises a `ProviderError`, and the
    part comes again, or `PayloadInvalid` as `parse` does.

    `answer` gives what the provider wants to hear in answer to a webhook that was
    verified and published, or None for the usual words; it may look things up,
    and raises nothing but a `HubError`. A channel with `greet` may also be called
    at `/webhook/<name>`, one address for all its accounts (its parts name theirs);
    `greet` gives the answer to a call that only tries that address out.

    `links` gives the addresses at which a person connects an account in a
    browser; `Return` is None where the hub has no address of its own. `install`
    turns the code that the provider's answer brings to that `Return.url` into an
    account with its credentials; it raises a `ProviderError`.

    `opening` gives the first words of a session that the business began here, or
    (`moved`) moved here; it does no I/O. `admit` lets an identity into the room of
    a conversation, which it opens if need be, and raises a `ProviderError`;
    `guest_key` is the key of the tokens by which a customer asks to be admitted.

    `api_key` names the field of the configuration that a lone "API key" stands
    for, and `api_url` the field with the address that it is sent to, where each
    instance may have its own. `probe` makes a call that changes nothing, to see whether a
    configuration's credential is accepted; the instance may be one that is not
    stored. It raises a `ProviderError` that names no credential.

    `fetch_media` gets an attachment's content that only the provider's own API
    gives away, and is asked when the attachment has no `url`; it raises
    `NotFound` for what it cannot know, or a `ProviderError`. `elsewhere` is asked
    before a conversation's item is claimed: whether another process has to send
    it, which it then tells; the item stays as it is. A channel with an
    `own_door` is called at a dialect of its own, never at `/webhook/<name>/…`.
    """

    name: str
    channel_type: ChannelType
    config: type[C]
    capabilities: Capabilities
    verify: Callable[[Webhook, C, Settings], None]
    accept: Callable[[Webhook], list[RawPart]]
    parse: Callable[[Any], list[ChannelEvent]]
    send: Callable[[Deps, Instance, C, OutboxPayload], Sent]
    defaults: Callable[[Settings], Mapping[str, Any]] = lambda settings: {}
    challenge: Callable[[Webhook, C, Settings], str] | None = None
    conceal: Callable[[Instance, C, Any], Any] | None = None
    vouch: Callable[[Deps, Instance, C, Webhook], None] | None = None
    complete: Callable[[Deps, Instance, C, Any], Any] | None = None
    answer: Callable[[Deps, Instance, C, Webhook], Answer | None] | None = None
    greet: Callable[[Webhook], Answer | None] | None = None
    links: Callable[[Settings, C, Return | None], Links] | None = None
    install: Callable[[Deps, Instance, C, str, str], Connection] | None = None
    opening: Callable[[Deps, Instance, C, Conversation, bool], Opening | None] | None = None
    admit: Callable[[Deps, Instance, C, Conversation, str], Admission] | None = None
    guest_key: Callable[[C], str] | None = None
    connect: Callable[[Deps, Instance, C], Connection] | None = None
    pair: Callable[[Deps, Instance, C], Connection] | None = None
    status: Callable[[Deps, Instance, C], Connection] | None = None
    restart: Callable[[Deps, Instance, C], Connection] | None = None
    logout: Callable[[Deps, Instance, C], Connection] | None = None
    remove: Callable[[Deps, Instance, C], Connection] | None = None
    probe: Callable[[Deps, Instance, C], None] | None = None
    fetch_media: Callable[[Deps, Instance, C, Message, Attachment], Media] | None = None
    elsewhere: Callable[[Deps, Instance, str], bool] | None = None
    own_door: bool = False
    api_key: str | None = None
    api_url: str | None = None
    address: Callable[[str], str] = lambda given: given
    runtime: Literal["function", "socket"] = "function"
