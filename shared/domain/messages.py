"""Messages and their attachments."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, Field

from shared.domain.content import NO_CONTENT, Content
from shared.domain.kinds import Consent
from shared.domain.kinds import MessageKind as MessageKind
from shared.domain.kinds import MessageStatus as MessageStatus


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"
    SYSTEM = "system"


class Author(StrEnum):
    """Who wrote it. `OTHER` is the business through another program or its own phone."""

    CUSTOMER = "customer"
    HUMAN = "human"
    BOT = "bot"
    SYSTEM = "system"
    OTHER = "other"


_RANK = {
    MessageStatus.PENDING: 0,
    MessageStatus.SENDING: 1,
    MessageStatus.FAILED: 2,
    MessageStatus.SENT: 3,
    MessageStatus.DEAD: 4,
    MessageStatus.DELIVERED: 5,
    MessageStatus.READ: 6,
}


def later_status(current: MessageStatus, reported: MessageStatus) -> MessageStatus:
    """Receipts come in any order and more than once: the status only ever moves forward."""
    if current is MessageStatus.RECEIVED:
        return current
    return max(current, reported, key=_RANK.__getitem__)


class Attachment(BaseModel):
    """A file, place or contact that belongs to a message.

    `url` is only set when whoever holds it may be shown it; a provider's file
    id, hashes and keys go to `extra`. `unavailable` says why nobody gets the file.
    `sha256` names the content of a file that was uploaded to the hub, which holds it itself.
    """

    type: MessageKind
    url: str | None = None
    mime_type: str | None = None
    file_name: str | None = None
    size: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    name: str | None = None
    address: str | None = None
    unavailable: str | None = None
    sha256: str | None = None
    extra: dict[str, Any] = Field(default_factory=dict)

    @property
    def has_content(self) -> bool:
        """Whether there is a file to send: at an address, or held by the hub itself."""
        return self.url is not None or self.sha256 is not None

    def as_offered(self) -> Attachment:
        """What clients are told: no address of a file that nobody is to get."""
        return self if self.unavailable is None else self.model_copy(update={"url": None})


FILES = frozenset({MessageKind.IMAGE, MessageKind.AUDIO, MessageKind.VIDEO, MessageKind.DOCUMENT, MessageKind.STICKER})


def is_file(attachment: Attachment) -> bool:
    """Whether there is content to fetch, not only what the message itself says."""
    return attachment.type in FILES


def media_id(message_id: str, number: int, attachment: Attachment) -> str | None:
    """The name under which an attachment's content can be asked for; None when it is no file."""
    return f"{message_id}-{number}" if is_file(attachment) else None


def phones(contact: Attachment) -> list[str]:
    """The numbers on a contact's card; providers give several or one."""
    numbers = contact.extra.get("phones") or contact.extra.get("phone_number") or []
    return [str(phone) for phone in (numbers if isinstance(numbers, list) else [numbers])]


Style: TypeAlias = Literal["bold", "italic", "strike", "code", "pre", "link", "address", "mark"]


class Span(BaseModel):
    """How characters `start` to `end` of a text are to look; spans of one style do not overlap.

    `value` is a link's URL, or the language of a `pre`. Where a link is shown as
    one, its `address` behind it need not be; a `mark` is what begins a quoted
    line or an item of a list.
    """

    style: Style
    start: int
    end: int
    value: str | None = None


MOST_VERSIONS = 20
VERSIONS_BYTES = 192 * 1024
MOST_REACTIONS = 200


class Version(BaseModel):
    """What a message said until it was edited; `attachments` only where the edit replaced them, too."""

    text: str | None = None
    attachments: list[Attachment] = Field(default_factory=list)
    replaced_at: datetime


class Message(BaseModel):
    """One message.

    An inbound one's id is made of instance and provider id, so storing it twice
    is impossible. `raw_event_id` is the bus event it came in. `request_hash`
    stands for the request that made an outbound one under an idempotency key.
    `spans` say how the text is to look; without them it is as it was written.
    `author_phone` is the number of whoever wrote to us, where it is known.
    `content` is what the customer sees beside text and files. No machine answers
    a message that is `for_people`. `consent` is what it changes for its customer: they opt out, or in. A `blocked`
    one came from somebody who may not write. `campaign_id` is whose message it is.
    `versions` are the texts that edits have replaced.
    `receipts` is when the hub learned from the provider what had become of it.
    `reactions` are by person, and `reacted_at` is when each was given or taken back. `note` says what of it went out
    otherwise than it was written, such as a file that went as a link.
    `extra` is what the channel alone knows, and `verified` in it is false where the author may be somebody else.
    """

    id: str
    tenant_id: str
    instance_id: str
    conversation_id: str
    customer_id: str
    direction: Direction
    author: Author
    author_id: str | None = None
    author_name: str | None = None
    author_phone: str | None = None
    kind: MessageKind = MessageKind.TEXT
    text: str | None = None
    spans: list[Span] | None = None
    attachments: list[Attachment] = Field(default_factory=list)
    external_message_id: str | None = None
    reply_to: str | None = None
    reactions: dict[str, str] = Field(default_factory=dict)
    reacted_at: dict[str, datetime] = Field(default_factory=dict)
    content: Content = Field(default_factory=lambda: NO_CONTENT)  # a default would be copied for each message
    for_people: bool = False
    consent: Consent | None = None
    blocked: bool = False
    campaign_id: str | None = None
    extra: dict[str, Any] = Field(default_factory=dict)
    status: MessageStatus
    receipts: dict[str, datetime] = Field(default_factory=dict)
    error: str | None = None
    note: str | None = None
    raw_event_id: str | None = None
    request_hash: str | None = None
    traceparent: str | None = None
    edited_at: datetime | None = None
    versions: list[Version] = Field(default_factory=list)
    deleted_at: datetime | None = None
    sent_at: datetime
    created_at: datetime

    def edit(self, text: str | None, attachments: list[Attachment] | None, edited_at: datetime) -> None:
        """Replace what the message says, and keep what it said; `attachments` are None where the files stay."""
        former = Version(
            text=self.text, attachments=self.attachments if attachments is not None else [], replaced_at=edited_at
        )
        self.versions = _latest([*self.versions, former])
        self.text, self.edited_at = text, edited_at
        if attachments is not None:
            self.attachments = attachments

    def react(self, person: str, emoji: str, reacted_at: datetime) -> None:
        """Keep the latest reaction of each person, and no more than `MOST_REACTIONS`: in a group anybody may react."""
        if self.reacted_at.get(person, reacted_at) > reacted_at:
            return
        if person not in self.reacted_at and len(self.reacted_at) >= MOST_REACTIONS:
            oldest = min(self.reacted_at, key=self.reacted_at.__getitem__)
            del self.reacted_at[oldest]
            self.reactions.pop(oldest, None)
        others = {other: former for other, former in self.reactions.items() if other != person}
        self.reactions = others | ({person: emoji} if emoji else {})
        self.reacted_at[person] = reacted_at

    @property
    def is_late(self) -> bool:
        """Whether it was found so long after it was written that no machine is to answer it."""
        return self.extra.get("late") is True

    @property
    def is_growing(self) -> bool:
        """Whether it is the beginning of an answer that is still being written."""
        return self.extra.get("growing") is True

    @property
    def may_be_forged(self) -> bool:
        """Whether the author may be somebody else than who it says."""
        return self.extra.get("verified") is False


def _latest(versions: list[Version]) -> list[Version]:
    """The last ones, as far as there is room: somebody may change a long text all day."""
    latest: list[Version] = []
    room = VERSIONS_BYTES
    for version in reversed(versions[-MOST_VERSIONS:]):
        room -= len(version.model_dump_json().encode())
        if room < 0:
            break
        latest.append(version)
    return latest[::-1]


class MessageNote(BaseModel):
    """What was told of a message before it came. Its status begins below everything that can be told.

    `by_customer` says that a customer edited or deleted it, which counts only if it turns out to be theirs.
    """

    status: MessageStatus = MessageStatus.PENDING
    error: str | None = None
    text: str | None = None
    attachments: list[Attachment] | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    by_customer: bool = False

    def about_ours(self) -> MessageNote:
        """What of it counts for a message of the business."""
        return MessageNote(status=self.status, error=self.error) if self.by_customer else self

    def edit(self, text: str | None, attachments: list[Attachment] | None, edited_at: datetime) -> None:
        """Note what the message is to say; `attachments` are None where the files stay."""
        self.text, self.edited_at = text, edited_at
        self.attachments = self.attachments if attachments is None else attachments


def changes_by_note(status: MessageStatus, note: MessageNote | Message) -> dict[str, Any]:
    """The fields that a message of this status takes over from a note about it, or from its own echo."""
    reported = note.model_dump(include={"deleted_at", "reactions", "reacted_at"})
    changes = {name: value for name, value in reported.items() if value}
    if note.edited_at:
        changes |= {"text": note.text, "edited_at": note.edited_at}
    later = later_status(status, note.status)
    if later is not status:
        changes |= {"status": later, "error": note.error}
    return changes


class EarlyNote(BaseModel):
    """Lies where a message will be stored, and holds what was reported of it before it came."""

    early: MessageNote = Field(default_factory=MessageNote)
    expires_at: datetime


class MessageAlias(BaseModel):
    """Lies under a provider's id of a message that we sent, and names our own id of it."""

    alias_of: str


class ErasedMessage(BaseModel):
    """Lies under a provider's id of a message whose customer was erased, so that nothing brings the message back."""

    erased_at: datetime


MessageRecord: TypeAlias = Message | MessageAlias | EarlyNote | ErasedMessage
"""What can lie under a provider's id of a message."""


def message_record(data: dict[str, Any]) -> MessageRecord:
    """Read a document that lies under a provider's id of a message."""
    if "alias_of" in data:
        return MessageAlias.model_validate(data)
    if "erased_at" in data:
        return ErasedMessage.model_validate(data)
    return EarlyNote.model_validate(data) if "early" in data else Message.model_validate(data)
