"""The normal form: what a channel makes of a provider's webhook."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from shared.domain.calls import CallState
from shared.domain.content import NO_CONTENT, Content
from shared.domain.instances import InstanceStatus
from shared.domain.kinds import TemplateStatus
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
class OutsidersChat:
    """Where a message belongs whose author has no part in the chat that it names; `context` differs in these names."""

    address: str
    context: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived:
    """A message, from a customer or (`from_me`) from the business itself by another way than this hub.

    `chat_key` is the canonical address of the chat; in a private chat it is the
    customer's, also when `from_me`, and `sender` is the customer as well. With
    `is_thread` it is one of several chats with the customer (a mail thread),
    each a conversation of its own; with `is_shared` several people write in it,
    as in a group. `is_history` marks what was said before the account was connected:
    it is stored in its place, and changes nothing else.
    `context` is what the channel needs to answer this very message (a thread's
    headers, a token): the conversation keeps that of the latest one and gives it
    to `send`. `is_note` marks what nobody said (a
    call began): it is shown as the system's, and nobody waits for an answer to
    it. Three facts are separate: with `for_people` no machine answers (a voicemail,
    a mailing list, another bot); with `nobody_waits` nobody answers at all (an
    out-of-office note, a channel's post); with `not_routed` no routing rule applies.
    With `is_automatic` no human of the business wrote what is `from_me` (an app's
    greeting): the customer waits as before. Among several people `is_addressed` says that the
    business is spoken to, and `mentions` whom the message names, as the provider does.
    With `if_known` it only counts in a chat that the hub knows (not in a thread
    that people began among themselves). Where the chat turns out to be another
    customer's, the message goes to `outsiders_chat` instead. One that `reports_consent` comes with a `ConsentChanged`;
    its provider answers it.
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
    is_thread: bool = False
    is_shared: bool = False
    if_known: bool = False
    reports_consent: bool = False
    is_history: bool = False
    is_note: bool = False
    for_people: bool = False
    nobody_waits: bool = False
    is_automatic: bool = False
    not_routed: bool = False
    is_addressed: bool = False
    mentions: tuple[str, ...] = ()
    group_name: str | None = None
    reply_to: str | None = None
    content: Content = NO_CONTENT
    extra: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    outsiders_chat: OutsidersChat | None = None

    @property
    def is_among_people(self) -> bool:
        """Whether several people read and write where it was said, so that not all of it is meant for the business."""
        return self.is_group or self.is_shared

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it that anybody could answer."""
        return not (self.text or "").strip() and not self.attachments and self.content.is_empty

    @property
    def is_by_customer(self) -> bool:
        """Whether the customer wrote it, now or before the account was connected."""
        return not self.from_me and not self.is_note

    @property
    def makes_customer_wait(self) -> bool:
        """Whether the customer waits for an answer from now on."""
        return self.counts_as_unread and not self.nobody_waits

    @property
    def counts_as_unread(self) -> bool:
        """Whether it is news to the people of the business until one of them has read it."""
        return self.is_by_customer and not (self.is_history or self.is_empty)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteCast:
    """A vote in the poll that `message` answers (`reply_to`); what the provider says of it is no more than that.

    `options` are digests (SHA-256, in hex) of what was chosen, in UTF-8: nothing of it where a vote was taken back.
    """

    message: MessageReceived
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited:
    """A message has another text, or other files, now.

    `attachments` are None where the edit leaves the files as they are. With `if_known` a message that the hub has not
    got is not waited for. With `by_customer` it changes no message of the business: the provider does not check whose
    message a customer's program names.
    """

    external_message_id: str
    text: str
    edited_at: datetime
    attachments: tuple[Attachment, ...] | None = None
    if_known: bool = False
    by_customer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeleted:
    """A message was taken back. `if_known` and `by_customer` are as in `MessageEdited`."""

    external_message_id: str
    deleted_at: datetime | None = None
    if_known: bool = False
    by_customer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionChanged:
    """`sender_key` reacted to a message; an empty emoji took the reaction back."""

    external_message_id: str
    sender_key: str
    emoji: str
    reacted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one message that the business sent.

    `part_id` is our own id of it (`OutboxPayload.message_id`), where the provider tells what was sent along. `note` is
    told in the message's conversation, under the provider's id `note_id`, where the message is one of ours.
    """

    external_message_id: str
    status: MessageStatus
    error: str | None = None
    part_id: str | None = None
    note: str | None = None
    note_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """Everything the business sent to `chat_key` up to `until` has this status."""

    chat_key: str
    status: MessageStatus
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerTyping:
    """The customer at `chat_key` writes now. It is repeated as long as they do, and is soon worth nothing."""

    chat_key: str


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
    """A customer wants no more messages that they have not asked for, or takes that back.

    With `marketing_only` answers are not concerned.
    """

    chat_key: str
    opted_out: bool
    why: str
    marketing_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateChanged:
    """What the provider says of a template; what is None stays as it was, but `reason` goes with the status."""

    name: str
    language: str
    status: TemplateStatus | None = None
    reason: str | None = None
    quality: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallChanged:
    """How a call, by telephone or video, stands, as far as this event tells; the others may come in any order.

    `chat_key` is whose call it is. `seconds` and `quality` (0 to 5) are None
    while nobody knows them. `outcome` is the provider's word for how it ended.
    `note` is told in the conversation, once for each `note_key` (else each state).
    With `if_known` a call that the hub has not heard of is not begun by it.
    """

    external_call_id: str
    chat_key: str
    state: CallState
    at: datetime
    seconds: float | None = None
    quality: float | None = None
    outcome: str | None = None
    note: str | None = None
    note_key: str | None = None
    if_known: bool = False


ChannelEvent: TypeAlias = (
    MessageReceived
    | VoteCast
    | MessageEdited
    | MessageDeleted
    | ReactionChanged
    | Receipt
    | Watermark
    | CustomerTyping
    | ConnectionChanged
    | PairingCodeIssued
    | ChatMoved
    | ConsentChanged
    | CallChanged
    | TemplateChanged
)
