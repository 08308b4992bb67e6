"""What a channel is: a value of functions, one per ability; `None` means it has not got it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from shared.config import Settings
from shared.deps import Deps
from shared.domain.inbound import ChannelEvent
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.domain.messages import Attachment, Message, MessageKind, MessageStatus, OutboxPayload

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

    None means that no such limit is known.
    """

    per_second: float | None = None
    chat_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a channel can carry, as data: clients are shown it, and the hub goes by it.

    `text_limit` is in UTF-16 units; `attachments` gives the kinds that can be
    sent and the most bytes of each (None: no limit is known); `receipts` are the
    statuses that the provider reports. Outside `window` after the customer's
    last message only a template may be sent. `addressed_by` names what of a
    customer's profile is an address here; without it a customer can only be
    reached where he has written before.
    """

    text_limit: int
    attachments: Mapping[MessageKind, int | None] = field(default_factory=dict)
    receipts: frozenset[MessageStatus] = frozenset()
    typing: bool = False
    reactions: bool = False
    window: timedelta | None = None
    templates: bool = False
    threads: bool = False
    addressed_by: Literal["phone", "email"] | None = None
    pace: Pace = Pace()


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
    `SignatureInvalid`. `connect` tells the provider where to call us and
    returns what is then known; it raises a `ProviderError` that an operator
    can act on. So do the others that return a `Connection`: `pair` begins a new
    pairing with a code to scan, unless the account turns out to be connected;
    `status` asks the provider how the connection stands; `restart` begins it
    anew; `logout` ends it; `remove` also deletes what the provider keeps of the
    instance. Doing `logout` or `remove` twice is no error.

    `answer` gives what the provider wants to hear in answer to a webhook that was
    verified and published, or None for the usual words; it may look things up,
    and raises nothing but a `HubError`.

    `api_key` names the field of the configuration that a lone "API key" stands
    for. `probe` makes a call that changes nothing, to see whether a
    configuration's credential is accepted; the instance may be one that is not
    stored. It raises a `ProviderError` that names no credential.

    `fetch_media` gets an attachment's content that only the provider's own API
    gives away, and is asked when the attachment has no `url`; it raises
    `NotFound` for what it cannot know, or a `ProviderError`. A channel with an
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
    answer: Callable[[Deps, Instance, C, Webhook], Answer | None] | None = None
    connect: Callable[[Deps, Instance, C], Connection] | None = None
    pair: Callable[[Deps, Instance, C], Connection] | None = None
    status: Callable[[Deps, Instance, C], Connection] | None = None
    restart: Callable[[Deps, Instance, C], Connection] | None = None
    logout: Callable[[Deps, Instance, C], Connection] | None = None
    remove: Callable[[Deps, Instance, C], Connection] | None = None
    probe: Callable[[Deps, Instance, C], None] | None = None
    fetch_media: Callable[[Deps, Instance, C, Message, Attachment], Media] | None = None
    own_door: bool = False
    api_key: str | None = None
    address: Callable[[str], str] = lambda given: given
    runtime: Literal["function", "socket"] = "function"
