"""The normal form: what a channel makes of a provider's webhook."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from shared.domain.instances import InstanceStatus
from shared.domain.messages import Attachment, MessageKind, MessageStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who wrote. `keys` are all addresses known to be this person, in canonical form, the best first;

    `external_user_id` is the address as the provider wants it back.
    """

    external_user_id: str
    keys: tuple[str, ...]
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    username: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived:
    """A message, from a customer or (`from_me`) from the business itself by another way than this hub.

    `chat_key` is the canonical address of the chat; in a private chat it is the
    customer's, also when `from_me`, and `sender` is the customer as well.
    `is_history` marks what was said before the account was connected: it is
    stored and not answered. `context` is what the channel needs to answer this
    very message (a thread's headers, a token): the conversation keeps that of
    the latest one and gives it to `send`.
    """

    external_message_id: str
    external_conversation_id: str
    chat_key: str
    sender: Sender
    kind: MessageKind
    text: str | None = None
    attachments: tuple[Attachment, ...] = ()
    sent_at: datetime
    from_me: bool = False
    is_group: bool = False
    is_history: bool = False
    reply_to: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited:
    external_message_id: str
    text: str
    edited_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeleted:
    external_message_id: str
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionChanged:
    """`sender_key` reacted to a message; an empty emoji took the reaction back."""

    external_message_id: str
    sender_key: str
    emoji: str
    reacted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one message that the business sent."""

    external_message_id: str
    status: MessageStatus
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """Everything the business sent to `chat_key` up to `until` has this status."""

    chat_key: str
    status: MessageStatus
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionChanged:
    status: InstanceStatus
    detail: str | None = None
    phone_number: str | None = None
    display_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingCodeIssued:
    """A QR code to scan; `png_base64` without the data-URI prefix."""

    text: str | None
    png_base64: str | None
    pairing_code: str | None = None
    valid_seconds: int = 45


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMoved:
    """The provider gave a chat a new address (Telegram: a group became a supergroup)."""

    chat_key: str
    new_external_conversation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentChanged:
    """Somebody wants no more messages that he has not asked for, or takes that back."""

    chat_key: str
    opted_out: bool
    why: str


ChannelEvent: TypeAlias = (
    MessageReceived
    | MessageEdited
    | MessageDeleted
    | ReactionChanged
    | Receipt
    | Watermark
    | ConnectionChanged
    | PairingCodeIssued
    | ChatMoved
    | ConsentChanged
)
