"""By when a conversation is to be answered and resolved, and how it stands."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field


class SlaTarget(StrEnum):
    """What is due: the first answer, any later one, or the end of the conversation."""

    FIRST_ANSWER = "first_answer"
    NEXT_ANSWER = "next_answer"
    RESOLUTION = "resolution"


class SlaState(StrEnum):
    """In order, the worst last."""

    OK = "ok"
    WARNING = "warning"
    BREACHED = "breached"


class SlaClock(BaseModel):
    """One target of a conversation, which counts from `since`."""

    target: SlaTarget
    since: datetime
    warn_at: datetime
    due_at: datetime
    state: SlaState = SlaState.OK

    @property
    def look_at(self) -> datetime | None:
        """When its state changes next; None when it does not any more."""
        moments = {SlaState.OK: min(self.warn_at, self.due_at), SlaState.WARNING: self.due_at}
        return moments.get(self.state)

    def state_at(self, now: datetime) -> SlaState:
        if now >= self.due_at:
            return SlaState.BREACHED
        return SlaState.WARNING if now >= self.warn_at else SlaState.OK


class Sla(BaseModel):
    """The clocks of a conversation. `due_at` is the earliest time at which something is due, `state` the worst of the
    clocks', `look_at` when the sweep has to look at them. `opened_at` is when a closed conversation was opened again.
    """

    clocks: list[SlaClock] = Field(default_factory=list)
    due_at: datetime | None = None
    state: SlaState = SlaState.OK
    look_at: datetime | None = None
    opened_at: datetime | None = None

    @classmethod
    def of(cls, clocks: list[SlaClock], opened_at: datetime | None) -> Sla:
        states = list(SlaState)
        return cls(
            clocks=clocks,
            due_at=min((clock.due_at for clock in clocks), default=None),
            state=max((clock.state for clock in clocks), key=states.index, default=SlaState.OK),
            look_at=min((clock.look_at for clock in clocks if clock.look_at is not None), default=None),
            opened_at=opened_at,
        )

    def at(self, now: datetime) -> tuple[Sla, list[SlaClock]]:
        """How it stands at a time, and the clocks whose state is another one then."""
        clocks = [clock.model_copy(update={"state": clock.state_at(now)}) for clock in self.clocks]
        changed = [clock for clock, former in zip(clocks, self.clocks, strict=True) if clock.state is not former.state]
        return Sla.of(clocks, self.opened_at), changed
