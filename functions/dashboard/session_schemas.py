"""The Dashboard's wire forms of what is done with sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from functions.dashboard.schemas import CHANNELS, MAX_PAGE, SessionOut, WholeSessionOut
from functions.dashboard.start_page import LiveCall
from functions.dashboard.vocabulary import ChannelFilter, ChannelTypeName, PriorityName, StatusName
from shared.deps import Deps
from shared.domain.conversations import ConversationStatus
from shared.errors import BadRequest
from shared.http.described import DescribedByFields
from shared.http.times import AwareMoment, WholeSeconds
from shared.usecases.conversations.conversations import Changes, Filter
from shared.usecases.sessions.sendability import Verdict
from shared.usecases.sessions.session_creation import NewSession
from shared.usecases.sessions.transfers import Transfer

SNOOZE = timedelta(days=1)
"""How long a session sleeps when nobody says until when."""


class ActiveSessionsOut(DescribedByFields):
    """`calls` are the calls in progress, for the dashboard's start page alone (`X-Client-Version`)."""

    sessions: list[SessionOut]
    calls: list[LiveCall] | None = None

    @model_serializer(mode="wrap")
    def _without_none(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}


class SessionListQuery(BaseModel):
    """`status` goes with one of the other filters."""

    limit: int = Field(default=50, ge=1, le=MAX_PAGE)
    cursor: str | None = Field(default=None, max_length=2048)
    status: StatusName | None = None
    channel: ChannelFilter = None
    agent_id: str | None = Field(default=None, min_length=1, max_length=64)
    priority: PriorityName | None = None
    customer_id: str | None = Field(default=None, min_length=1, max_length=64)

    def filter(self) -> Filter:
        """Raises `BadRequest` for more than one filter beside `status`."""
        fields = ("channel", "agent_id", "priority", "customer_id")
        names = [name for name in fields if getattr(self, name) is not None]
        if len(names) > 1:
            several = " and ".join(names)
            raise BadRequest(f"use one filter beside status, not {several}", dict.fromkeys(names, "is one too many"))
        return Filter(self.channel, self.agent_id, self.priority, self.customer_id)


class SessionPath(BaseModel):
    session_id: str


class ReachOut(BaseModel):
    """A channel type for a session's customer.

    `reason` says why nothing can be sent (`no_address`, `opted_out`,
    `disconnected`, `cannot_send`, `window_closed`); with `template_required`
    only a template can, until the customer writes again.
    """

    channel: str
    can_send: bool
    reason: str | None
    template_required: bool
    window_closes_at: WholeSeconds | None
    abilities: list[str] = Field(
        description="What can be done there beside a text: kinds of attachments, and `reaction`, `edit`, `delete`, …"
    )

    @classmethod
    def of(cls, verdict: Verdict) -> ReachOut:
        return cls(
            channel=CHANNELS[verdict.channel],
            can_send=verdict.can_send,
            reason=verdict.reason,
            template_required=verdict.template_required,
            window_closes_at=verdict.window_closes_at,
            abilities=list(verdict.abilities),
        )


class CanSendOut(BaseModel):
    session_id: str
    channels: list[ReachOut]


class ReadOut(BaseModel):
    """Whether the customer will see it: not where nothing new was read, or the channel does not show it."""

    marked: bool


class TypingOut(BaseModel):
    visible: bool


class CreateIn(BaseModel):
    """A session with a customer. `initial_message` is stored as the customer's message; it is sent to nobody."""

    customer_id: str = Field(min_length=1, max_length=64)
    channel_type: ChannelTypeName
    priority: PriorityName | None = Field(default=None, description="normal unless given")
    initial_message: str | None = Field(default=None, max_length=65_536)

    def to_domain(self) -> NewSession:
        return NewSession(
            customer_id=self.customer_id,
            channel_type=self.channel_type,
            priority=self.priority,
            first_message=(self.initial_message or "").strip() and self.initial_message,
        )


class CreatedOut(BaseModel):
    session_id: str
    status: str
    created_at: WholeSeconds


class SessionChange(BaseModel):
    """What to change; what is left out stays. An `agent_id` of null takes the agent away.

    A snoozed session wakes at `snoozed_until`, without it after a day.
    """

    status: StatusName | None = None
    agent_id: str | None = Field(default=None, max_length=64)
    priority: PriorityName | None = None
    snoozed_until: AwareMoment | None = None

    def to_domain(self, deps: Deps) -> Changes:
        until = self.snoozed_until
        if self.status is ConversationStatus.SNOOZED and until is None:
            until = deps.now() + SNOOZE
        has_agent = "agent_id" in self.model_fields_set
        return Changes(
            status=self.status,
            assignee_id=(self.agent_id or "") if has_agent else None,
            priority=self.priority,
            snoozed_until=until,
        )


class ChangedOut(WholeSessionOut):
    """The session as it is now."""

    success: bool


class TransferIn(BaseModel):
    """Where the session is, where it shall go on, and why; `agent_id` takes it over."""

    from_channel: ChannelTypeName
    to_channel: ChannelTypeName
    reason: str | None = Field(default=None, max_length=1000)
    agent_id: str | None = Field(default=None, max_length=64)

    def to_domain(self) -> Transfer:
        why = f": {self.reason.strip()}" if (self.reason or "").strip() and self.reason else ""
        note = f"Transferred from {CHANNELS[self.from_channel]} to {CHANNELS[self.to_channel]}{why}"
        return Transfer(origin=self.from_channel, target=self.to_channel, note=note, assignee_id=self.agent_id or None)


class TransferredOut(ChangedOut):
    """The session as it is now, and between which channels it moved."""

    from_channel: str
    to_channel: str
