"""What carries messages to their providers: an item for each, with what is to be sent."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, Field

from shared.domain.content import Poll
from shared.domain.messages import Attachment, Span

OUTSIDE_WINDOW = "outside_window"
"""Why a message died that a provider takes only within some time after the customer's last one."""

OUTCOME_UNKNOWN = "outcome_unknown"
"""Why a message stands still of which nobody knows whether the provider has it."""


class ReactionTo(BaseModel):
    """A reaction to send; an empty emoji takes the former one back."""

    external_message_id: str
    emoji: str
    from_me: bool = False


class Template(BaseModel):
    """A message that the provider approved beforehand; `parameters` fill the places in its text, in order.

    Places with names are filled by `named_parameters` instead. `header` and `buttons` are what `domain.templates`
    describes and has checked.
    """

    name: str
    language: str
    parameters: list[str] = Field(default_factory=list)
    named_parameters: dict[str, str] | None = None
    header: dict[str, Any] | None = None
    buttons: list[dict[str, Any]] | None = None


class Choice(BaseModel):
    """One of the answers that a message offers; `id` comes back when it is chosen."""

    id: str
    title: str
    description: str | None = None


class Original(BaseModel):
    """The message that is passed on, which lies in another chat of the same account."""

    instance_id: str
    external_message_id: str


class Change(BaseModel):
    """What is to become of the message `message_id`, which was sent before.

    A customer's message can be `read`, with those before it that nobody had read: `external_ids` are the provider's ids
    of all of them. With `grows` an edit is a step of an answer that is still being written: it replaces no version.
    """

    action: Literal["edit", "delete", "read"]
    message_id: str
    external_ids: list[str] = Field(default_factory=list)
    grows: bool = False


class OutboxPayload(BaseModel):
    """What is to be sent, frozen when it was accepted: the queue's payload form.

    `automatic` marks what no person wrote. `context` is what the channel said with
    the customer's latest message that it needs for an answer. With `spans` the
    text is nobody's own notation: the channel writes it in its own. Without them
    it goes as it is. Beside an `original` text and attachments are what it says, for a provider that passes nothing on.
    With a `change` it is sent to nobody: it is the former message's
    payload, with the new text, and says what that message is to become.
    """

    message_id: str | None = None
    conversation_id: str | None = None
    external_conversation_id: str | None = None
    external_user_id: str | None = None
    text: str | None = None
    spans: list[Span] | None = None
    attachments: list[Attachment] = Field(default_factory=list)
    reply_to: str | None = None
    reaction: ReactionTo | None = None
    template: Template | None = None
    choices: list[Choice] = Field(default_factory=list)
    poll: Poll | None = None
    original: Original | None = None
    change: Change | None = None
    automatic: bool = False
    context: dict[str, Any] = Field(default_factory=dict)

    @property
    def to(self) -> str:
        """Where it goes: the conversation's own address at the provider, else the customer's."""
        return self.external_conversation_id or self.external_user_id or ""


class OutboxStatus(StrEnum):
    PENDING = "PENDING"
    SENDING = "SENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    DEAD = "DEAD"


MOST_TRIES = 20
"""Tries of an item that are kept, the latest."""


class FailedTry(BaseModel):
    """A try that did not send the item: when it ended, why, and what the provider said."""

    at: datetime
    reason: str
    answer: str


class OutboxItem(BaseModel):
    """A message on its way out, or the change of one; `id` is the message's id, that of a change its own.

    `open` is true until SENT or DEAD. `due_at` is when the sweep should look at
    it: the lease's end while SENDING, else the next try. `reason` tells why it
    failed or died. `waiting_since` is when the customer wrote whom it answers; it
    `is_reply` while the customer has just written, though somebody answered before. A campaign's has its `campaign_id`.
    Where the provider takes it as several messages, `parts_sent` of them are out,
    `part_ids` are the provider's ids of those (empty for one without),
    and `note` is what the channel noted of them. `unknown_since` is when it was
    sent, where nobody knows whether the provider has it, and `lookups` counts how
    often the provider was asked. `failed_tries` are the latest that did not send it.
    """

    id: str
    tenant_id: str
    conversation_id: str
    instance_id: str
    status: OutboxStatus = OutboxStatus.PENDING
    open: bool = True
    payload: OutboxPayload
    attempts: int = 0
    parts_sent: int = 0
    part_ids: list[str] = Field(default_factory=list)
    note: str | None = None
    unknown_since: datetime | None = None
    lookups: int = 0
    next_retry_at: datetime | None = None
    due_at: datetime | None = None
    waiting_since: datetime | None = None
    is_reply: bool = False
    campaign_id: str | None = None
    lease_owner: str | None = None
    reason: str | None = None
    error: str | None = None
    failed_tries: list[FailedTry] = Field(default_factory=list)
    traceparent: str | None = None
    created_at: datetime
    updated_at: datetime

    def note_failure(self, at: datetime, reason: str, answer: str) -> None:
        """Keep why a try did not send it."""
        self.failed_tries = [*self.failed_tries, FailedTry(at=at, reason=reason, answer=answer)][-MOST_TRIES:]

    @property
    def message_id(self) -> str:
        """The message that is sent or changed."""
        return self.payload.change.message_id if self.payload.change else self.id

    @property
    def is_change(self) -> bool:
        return self.payload.change is not None
