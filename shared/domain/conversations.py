"""A conversation: what one customer and the business say to each other, on one channel after the other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field, model_validator

from shared.domain.automatic_answers import AnswerCount
from shared.domain.customers import Identity
from shared.domain.ids import stable_id
from shared.domain.instances import ChannelType, Instance
from shared.domain.sla import Sla

_WHATSAPP_PERSON = "s.whatsapp.net"
"""The server of WhatsApp's addresses that begin with a telephone number."""


class ConversationStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    SNOOZED = "snoozed"


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class Owner(StrEnum):
    """Who answers in a conversation; `NOBODY` while it waits for a person who takes it, and machines are silent."""

    BOT = "bot"
    HUMAN = "human"
    NOBODY = "nobody"


class Leg(BaseModel):
    """A stretch of the conversation on one instance; the open leg has no `ended_at`."""

    instance_id: str
    channel: ChannelType
    external_conversation_id: str
    external_user_id: str
    started_at: datetime
    ended_at: datetime | None = None

    @classmethod
    def start(cls, instance: Instance, identity: Identity, now: datetime) -> Leg:
        """A leg that starts now, to the identity's address on the instance."""
        return cls(
            instance_id=instance.id,
            channel=instance.type,
            external_conversation_id=identity.external_user_id,
            external_user_id=identity.external_user_id,
            started_at=now,
        )


class Missed(BaseModel):
    """Who has not answered the conversation in time, and until when it is offered to everybody else of the team."""

    by_id: str
    until: datetime


class LatestChange(BaseModel):
    """The last time that somebody decided about a conversation.

    `by` is the id of a user or an API key, `revision` that of the conversation afterwards.
    """

    by: str | None
    at: datetime
    revision: str


class Conversation(BaseModel):
    """A conversation and all that deciding about it needs, so that one read is enough.

    `identity_id` is the identity whose `conversation_id` points here while the
    conversation is not closed. `needs_reply_since` is the arrival of the oldest
    customer message that nobody has answered, `replied_to_at` of that which was
    answered last. `last_inbound_message_id` is the
    latest customer message that a machine may answer, `last_message_id` the latest
    message of anybody. `automatic_answers` counts what machines answered to its
    address; without `auto_reply_enabled` none answers, and `auto_reply_agent_id` is
    the AI agent that answers here instead of whoever else would. `owner` says whose turn it is: while it is not the
    bot's, machines pause. `holder_id` is the user, or the API key, to whom a human's conversation belongs; None for
    somebody on the business's own phone. `pause_ends_at` is when machines go on, None as long as nobody releases it.
    `summary` is the text it began
    with, shortened. `team_id` is the group of agents that is to
    take it, `routed_at` when routing rules were applied to it. `contexts` holds by
    instance what its channel said with the latest message that it needs for an
    answer. `unread_count` counts the customer's messages since somebody of the business has last read it or written,
    and `is_unread` says whether there are any. `sla` is by when it is to be answered and resolved.
    `queued_at` is since when it waits for a person of its team, `queue_order` its place there, and `assign_at` when the
    sweep has somebody looked for. `assigned_at` is when its assignee got it, `reassign_at` when somebody else is to
    have it unless they answer, and `missed` who did not.
    """

    id: str
    tenant_id: str
    customer_id: str
    identity_id: str
    instance_id: str
    channel: ChannelType
    external_conversation_id: str
    external_user_id: str
    is_group: bool = False
    status: ConversationStatus = ConversationStatus.OPEN
    priority: Priority = Priority.NORMAL
    assignee_id: str | None = None
    team_id: str | None = None
    needs_human: bool = False
    owner: Owner = Owner.BOT
    holder_id: str | None = None
    pause_ends_at: datetime | None = None
    tags: list[str] = Field(default_factory=list)
    unread_count: int = 0
    is_unread: bool = False
    customer_name: str | None = None
    customer_phone: str | None = None
    summary: str | None = None
    legs: list[Leg] = Field(default_factory=list)
    contexts: dict[str, dict[str, Any]] = Field(default_factory=dict)
    last_message_at: datetime
    last_message_id: str | None = None
    last_inbound_message_id: str | None = None
    auto_reply_enabled: bool = True
    auto_reply_agent_id: str | None = None
    last_auto_reply_at: datetime | None = None
    automatic_answers: AnswerCount | None = None
    needs_reply_since: datetime | None = None
    replied_to_at: datetime | None = None
    routed_at: datetime | None = None
    snoozed_until: datetime | None = None
    closed_at: datetime | None = None
    latest_change: LatestChange | None = None
    sla: Sla = Field(default_factory=Sla)
    queued_at: datetime | None = None
    queue_order: str | None = None
    assign_at: datetime | None = None
    assigned_at: datetime | None = None
    reassign_at: datetime | None = None
    missed: Missed | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def revision(self) -> str:
        """Changes with what people decide about the conversation, and not with what is written in it."""
        snoozed_until = self.snoozed_until.isoformat() if self.snoozed_until else ""
        decided = (self.status, self.priority, self.assignee_id or "", self.team_id or "", snoozed_until)
        return stable_id(*decided, *self.tags)

    def mark_read(self) -> None:
        """Somebody of the business has read everything."""
        self.unread_count, self.is_unread = 0, False

    @property
    def phone_number(self) -> str | None:
        """The customer's number as it is known, else the one that a person's address on WhatsApp consists of."""
        number, _, server = self.external_user_id.partition("@")
        is_persons = self.channel is ChannelType.WHATSAPP and not self.is_group and server in ("", _WHATSAPP_PERSON)
        return self.customer_phone or (number if is_persons and number.isdecimal() else None)

    @property
    def is_left_to_people(self) -> bool:
        """Whether people alone answer."""
        return self.answers_next is not Owner.BOT

    @property
    def answers_next(self) -> Owner:
        """Whose turn it is; nobody's, too, where automatic answers are turned off and no person has taken it."""
        return Owner.NOBODY if self.owner is Owner.BOT and not self.auto_reply_enabled else self.owner

    def join_queue(self, now: datetime, look_at: datetime) -> None:
        """Have it wait for a person of its team."""
        self.queued_at, self.assign_at = now, look_at
        self.order_in_queue()

    def order_in_queue(self) -> None:
        """Put it where its priority belongs, if it waits: the most urgent first, then the longest wait."""
        if self.queued_at is not None:
            rank = len(Priority) - list(Priority).index(self.priority)
            self.queue_order = f"{rank} {self.queued_at.isoformat()}"

    def is_passed_over(self, person_id: str, now: datetime) -> bool:
        """Whether others come first because this person has not answered it."""
        return self.missed is not None and self.missed.by_id == person_id and self.missed.until > now

    def unanswered_from(self) -> datetime | None:
        """Since when its assignee could have answered; None where nobody waits for them."""
        is_theirs = self.owner is Owner.HUMAN and self.assignee_id not in (None, self.team_id)
        if self.needs_reply_since is None or not is_theirs or self.status is not ConversationStatus.OPEN:
            return None
        return max(self.needs_reply_since, self.assigned_at or self.needs_reply_since)

    def leave_queue(self) -> None:
        self.queued_at = self.queue_order = self.assign_at = None

    def give_to_human(self, holder_id: str | None, pause_ends_at: datetime | None) -> None:
        """Have machines pause until then; None: until it is released."""
        self.leave_queue()
        self.owner, self.holder_id, self.pause_ends_at = Owner.HUMAN, holder_id, pause_ends_at
        self.needs_human = False

    def give_to_nobody(self) -> None:
        """Have machines pause until a person has taken and released it."""
        self.owner, self.holder_id, self.pause_ends_at = Owner.NOBODY, None, None
        self.needs_human = True

    def give_to_bot(self) -> None:
        """Have machines answer again; who was to take care of it stays."""
        self.owner, self.holder_id, self.pause_ends_at = Owner.BOT, None, None

    @model_validator(mode="before")
    @classmethod
    def _of_an_assignee(cls, fields: Any) -> Any:
        """Before there were owners, whoever was assigned silenced the machines for good."""
        if isinstance(fields, Mapping) and fields.get("assignee_id") and "owner" not in fields:
            return {**fields, "owner": Owner.HUMAN}
        return fields

    @classmethod
    def start(cls, conversation_id: str, instance: Instance, identity: Identity, now: datetime) -> Conversation:
        """An open conversation that the business starts, with one leg and no message yet."""
        return cls(
            id=conversation_id,
            tenant_id=instance.tenant_id,
            customer_id=identity.customer_id,
            identity_id=identity.id,
            instance_id=instance.id,
            channel=instance.type,
            external_conversation_id=identity.external_user_id,
            external_user_id=identity.external_user_id,
            customer_name=identity.shown_name,
            customer_phone=identity.phone,
            legs=[Leg.start(instance, identity, now)],
            last_message_at=now,
            created_at=now,
            updated_at=now,
        )


class ConversationTag(BaseModel):
    """That a conversation has a tag: one document for each tag of each conversation, to list conversations by tag."""

    tenant_id: str
    tag: str
    conversation_id: str
    is_closed: bool
    tagged_at: datetime
