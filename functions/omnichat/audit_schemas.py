"""OmniChat's forms of the audit log."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from functions.omnichat.schemas import Wire
from shared.domain.audit import AuditEntry
from shared.domain.authors import ActorKind
from shared.http.times import AwareMoment, Milliseconds
from shared.usecases.audit import MOST, MOST_CHECKED, Filter, Place, Verdict

_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class AuditQuery(Wire):
    """`actorId` is a user or key, `subject` what was changed (such as `agents`), `since` and `until` are times."""

    actor_id: str | None = Field(default=None, max_length=64)
    subject: str | None = Field(default=None, max_length=64, examples=["agents"])
    since: AwareMoment | None = None
    until: AwareMoment | None = None
    limit: int = Field(default=50, ge=1, le=MOST)
    cursor: str | None = Field(default=None, max_length=2048)

    def filter(self) -> Filter:
        return Filter(self.actor_id, self.subject, self.since, self.until)


class ExportQuery(Wire):
    """`after` is the `number` of the last entry that one has."""

    after: int = Field(default=0, ge=0, le=2**53)
    limit: int = Field(default=MOST_CHECKED, ge=1, le=MOST_CHECKED)


class VerifyQuery(Wire):
    """From which place on: `number` and `hash` of an earlier answer. Without them from the beginning."""

    number: int = Field(default=0, ge=0, le=2**53)
    hash: str = Field(default="", max_length=64)

    def place(self) -> Place:
        return Place(self.number, self.hash)


class AuditChangeOut(Wire):
    """What was changed in one document. Secrets are `***`; what is said of customers is told by its length."""

    collection: str = Field(examples=["agents"])
    id: str
    change: Literal["created", "changed", "deleted", "further"]
    before: dict[str, Any] = Field(examples=[{"name": "Ada"}])
    after: dict[str, Any] = Field(examples=[{"name": "Ben"}])


class AuditEntryOut(Wire):
    """Who changed what, from where. `number` and the hashes come within a minute, with the place in the chain.

    `action` is the operation that was called, `operate …` for the operator, or `sign-in failed`; `subject` is what was
    changed in the first place.
    """

    id: str
    number: int | None
    at: Milliseconds
    actor_kind: ActorKind
    actor_id: str | None
    actor_name: str | None = Field(examples=["Ann Lee"])
    address: str = Field(examples=["203.0.113.7"])
    request_id: str | None
    action: str = Field(examples=["PATCH /api/agents/{id}"])
    subject: str = Field(examples=["agents"])
    changes: list[AuditChangeOut]
    previous: str | None = Field(examples=[_HASH])
    hash: str | None = Field(examples=[_HASH])

    @classmethod
    def of(cls, entry: AuditEntry) -> AuditEntryOut:
        fields = entry.model_dump(exclude={"tenant_id", "changes", "is_chained"})
        return cls(**fields, changes=[AuditChangeOut(**change) for change in entry.change_list()])


class AuditOut(Wire):
    """The latest first."""

    entries: list[AuditEntryOut]
    next_cursor: str | None


class VerdictOut(Wire):
    """Whether the entries that were looked at are as they were written; `problem` says what is not.

    `number` and `hash` are the place up to which all is well. Without `complete` call again with them. `waiting`
    entries have no place in the chain yet: at most 1000 are counted.
    """

    verified: bool
    problem: str | None = Field(examples=["entry 12 was changed"])
    number: int
    hash: str = Field(examples=[_HASH])
    complete: bool
    waiting: int

    @classmethod
    def of(cls, verdict: Verdict) -> VerdictOut:
        return cls(
            verified=verdict.problem is None,
            problem=verdict.problem,
            number=verdict.place.number,
            hash=verdict.place.hash,
            complete=verdict.is_complete,
            waiting=verdict.waiting,
        )
