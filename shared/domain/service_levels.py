"""What a business promises its customers: when it is open, and how soon it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel, Field

from shared.domain.business_hours import BusinessHours, after
from shared.domain.conversations import Conversation, ConversationStatus, Priority
from shared.domain.sla import Sla, SlaClock, SlaTarget

MAX_HOURS = 50
MAX_POLICIES = 50

_WARNING_SHARE = 0.8
"""Of the time that a target gives, where a policy does not say when to warn."""


class SlaPolicy(BaseModel):
    """How soon to answer and to resolve, in minutes; None where that is not promised.

    It holds for conversations of the team, the channel and the priority that it names, of all where it names none.
    With `in_business_time` only the time counts during which the business is open. `warn_before_minutes` is how long
    before a target is due people are warned; None: when four fifths of the time have gone by.
    """

    id: str
    name: str
    team_id: str | None = None
    instance_id: str | None = None
    priority: Priority | None = None
    first_answer_minutes: int | None = None
    next_answer_minutes: int | None = None
    resolution_minutes: int | None = None
    in_business_time: bool = True
    warn_before_minutes: int | None = None
    created_at: datetime
    updated_at: datetime

    def minutes_for(self, target: SlaTarget) -> int | None:
        minutes: Mapping[SlaTarget, int | None] = {
            SlaTarget.FIRST_ANSWER: self.first_answer_minutes,
            SlaTarget.NEXT_ANSWER: self.next_answer_minutes,
            SlaTarget.RESOLUTION: self.resolution_minutes,
        }
        return minutes[target]

    @property
    def _names(self) -> tuple[bool, bool, bool]:
        return self.team_id is not None, self.instance_id is not None, self.priority is not None

    @property
    def weight(self) -> tuple[int, tuple[bool, bool, bool]]:
        """The policy that names more goes before others, then the one that names a team, then a channel."""
        return sum(self._names), self._names

    def holds_for(self, conversation: Conversation) -> bool:
        return (
            self.team_id in (None, conversation.team_id)
            and self.instance_id in (None, conversation.instance_id)
            and self.priority in (None, conversation.priority)
        )


class ServiceLevels(BaseModel):
    """All business hours and policies of a tenant, the oldest first."""

    tenant_id: str
    hours: list[BusinessHours] = Field(default_factory=list)
    policies: list[SlaPolicy] = Field(default_factory=list)

    def hours_of(self, conversation: Conversation) -> BusinessHours | None:
        """Those of its team, else of its channel, else of the whole tenant; None where it is always open."""
        by_team = next((each for each in self.hours if each.team_id and each.team_id == conversation.team_id), None)
        return by_team or self.hours_of_channel(conversation.instance_id)

    def hours_of_channel(self, instance_id: str) -> BusinessHours | None:
        """What holds for conversations of no team there; None where it is always open."""
        by_channel = next((each for each in self.hours if each.instance_id == instance_id), None)
        others = (each for each in self.hours if each.team_id is None and each.instance_id is None)
        return by_channel or next(others, None)

    def policy_of(self, conversation: Conversation) -> SlaPolicy | None:
        fitting = [policy for policy in self.policies if policy.holds_for(conversation)]
        return max(fitting, key=lambda policy: policy.weight, default=None)

    def sla_of(self, conversation: Conversation) -> Sla:
        """What is due in a conversation as it is; a clock that goes on keeps its state."""
        policy, opened_at = self.policy_of(conversation), conversation.sla.opened_at
        if policy is None or conversation.status is ConversationStatus.CLOSED:
            return Sla()
        hours = self.hours_of(conversation) if policy.in_business_time else None
        clocks: list[SlaClock] = []
        for target, since in _counted_from(conversation):
            clock = _clock(policy, hours, target, since)
            if clock is not None:
                former = (each for each in conversation.sla.clocks if _is_same(each, clock))
                clocks.append(next(former, clock))
        return Sla.of(clocks, opened_at)


def _counted_from(conversation: Conversation) -> Iterator[tuple[SlaTarget, datetime]]:
    if conversation.needs_reply_since is not None:
        is_first = conversation.replied_to_at is None
        yield SlaTarget.FIRST_ANSWER if is_first else SlaTarget.NEXT_ANSWER, conversation.needs_reply_since
    yield SlaTarget.RESOLUTION, conversation.sla.opened_at or conversation.created_at


def _clock(policy: SlaPolicy, hours: BusinessHours | None, target: SlaTarget, since: datetime) -> SlaClock | None:
    """None where the policy does not promise it, and where the business never opens."""
    minutes = policy.minutes_for(target)
    if minutes is None:
        return None
    duration = timedelta(minutes=minutes)
    if policy.warn_before_minutes is None:
        until_warning = duration * _WARNING_SHARE
    else:
        until_warning = max(timedelta(), duration - timedelta(minutes=policy.warn_before_minutes))
    due_at, warn_at = after(hours, since, duration), after(hours, since, until_warning)
    if due_at is None or warn_at is None:
        return None
    return SlaClock(target=target, since=since, warn_at=warn_at, due_at=due_at)


def _is_same(one: SlaClock, other: SlaClock) -> bool:
    return (one.target, one.since, one.due_at) == (other.target, other.since, other.due_at)
