"""What a channel is: a folder in `shared/channels` whose modules have fixed names.

Each module of this package describes the module of the same name in a channel's folder: the Protocols that it
fulfils, and the values that go in and out. A channel that has no such module, or lacks a Protocol's functions in it,
has not got that ability. `shared.channels.ability` loads them when they are needed.

This file describes what is data: a folder's `__init__` has one `Channel`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    # Only named here: whoever takes webhooks starts without most of them.
    from pydantic import BaseModel

    from shared.domain.kinds import MessageKind, MessageStatus

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a provider takes messages: so many a second of one account, and so many seconds apart in one chat.

    None means that no such limit is known. After a rest as many as `burst` (of
    one chat `chat_burst`) may go at once; without `burst`, a second's worth.
    Replies to what a customer wrote a moment ago go at `replies_per_second`, where
    that is another pace, and are not counted among the others.
    """

    per_second: float | None = None
    replies_per_second: float | None = None
    chat_seconds: float | None = None
    burst: int | None = None
    chat_burst: int = 1


Markup: TypeAlias = Literal["slack", "whatsapp", "telegram", "discord", "html"]
"""A notation for styled text (`channelkit/notations.py`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a channel can carry, as data: clients are shown it, and the hub goes by it.

    `text_limit` is in UTF-16 units; `attachments` gives the kinds that can be
    sent and the most bytes of each (None: no limit is known); `receipts` are the
    statuses that the provider reports. Outside `window` after the customer's
    last message only a template may be sent; `longest_window` is how long it is
    at most, where the provider lengthens it for reasons that the hub cannot see.
    `templates`, `choices` and `polls` say whether messages that were approved beforehand,
    answers to choose from, and polls can be sent; with `forwards` the provider itself
    passes messages on. `typing` and `read_marks` say whether customers can be shown that
    an answer is being written, and what was read. `edits` and `deletions` say whether a
    message can be changed and taken back after it was sent, and `edits_within` and
    `deletions_within` for how long, where the provider sets an end. `addressed_by` names the field of a
    customer's profile that is an address here (`customer`: their own id); without it a
    customer can only be reached where they have written before. A `live` channel
    answers every message at once, however often. Where an answer goes
    `in_one_piece` its paragraphs are not made messages of their own. `markup` is
    the notation in which it shows bold text, links and code; without one it shows
    the plain text. With `uploads` it hands files that the hub holds over to the provider;
    elsewhere the provider fetches them from an address of the hub.
    """

    text_limit: int
    attachments: Mapping[MessageKind, int | None] = field(default_factory=dict)
    receipts: frozenset[MessageStatus] = frozenset()
    typing: bool = False
    read_marks: bool = False
    reactions: bool = False
    window: timedelta | None = None
    longest_window: timedelta | None = None
    templates: bool = False
    choices: bool = False
    polls: bool = False
    forwards: bool = False
    edits: bool = False
    edits_within: timedelta | None = None
    deletions: bool = False
    deletions_within: timedelta | None = None
    threads: bool = False
    live: bool = False
    in_one_piece: bool = False
    markup: Markup | None = None
    uploads: bool = False
    addressed_by: Literal["phone", "email", "customer"] | None = None
    pace: Pace = Pace()

    @property
    def abilities(self) -> list[str]:
        """What can be done here beside sending a text, in words for clients: `image`, `reaction`, `edit`, …"""
        abilities = {
            "reaction": self.reactions,
            "edit": self.edits,
            "delete": self.deletions,
            "template": self.templates,
            "choices": self.choices,
            "poll": self.polls,
            "typing": self.typing,
            "read": self.read_marks,
        }
        return [*(kind.value for kind in self.attachments), *(name for name, is_able in abilities.items() if is_able)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How a tenant sets a channel up.

    `title` is the label of a channel that nobody gave one. `api_key` names the
    field of the configuration that a lone "API key" stands for, and `api_url` the
    field with the address that the key is sent to, where each instance may have
    its own. `account` names the field with the account's name at such a server, where
    it is not the instance's. Where a type has several adapters, a value in one of the
    fields `chosen_by` means this one. `provider` is the company behind several channel
    types, by which the Dashboard lists them together. `help` says where a person gets
    what the configuration asks for. The fields in `generated` are made by the hub itself.
    """

    title: str
    help: str = ""
    generated: frozenset[str] = frozenset()
    api_key: str | None = None
    api_url: str | None = None
    account: str | None = None
    chosen_by: frozenset[str] = frozenset()
    provider: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel's description.

    `config` is the model of an instance's configuration. A channel of the runtime
    `socket` sends over a connection that a long-running process holds. One without
    `has_webhook` takes no calls at `/webhook/<name>/…`. `webhook_bytes` is how long a call may be, of which nothing is
    known before it was read.
    """

    config: type[BaseModel]
    capabilities: Capabilities
    setup: Setup
    runtime: Literal["function", "socket"] = "function"
    has_webhook: bool = True
    webhook_bytes: int = MEGABYTE
