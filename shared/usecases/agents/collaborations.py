"""How teams came to their answers, stored with each answer."""

from __future__ import annotations

from datetime import datetime

from shared.answering.team import Crew, TeamAnswer
from shared.answering.turns import Turn
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.agents import AgentCollaboration
from shared.domain.ids import stable_id
from shared.ports.store import Create, Ref

MAX_PAGE = 100
_MAX_CHARACTERS = 8_000


def collaboration(turn: Turn, crew: Crew, answer: TeamAnswer, message_id: str, now: datetime) -> AgentCollaboration:
    """How a team's answer came about; `message_id` is the answer's first part. Add it with the answer's commit."""
    return AgentCollaboration(
        id=stable_id("collaboration", message_id),
        tenant_id=turn.conversation.tenant_id,
        conversation_id=turn.conversation.id,
        message_id=message_id,
        team_id=crew.team_id,
        team_name=crew.name,
        lead_agent_id=crew.lead.id,
        question=turn.text[:_MAX_CHARACTERS],
        answer=answer.text[:_MAX_CHARACTERS],
        steps=answer.steps,
        tokens=answer.tokens,
        milliseconds=answer.milliseconds,
        created_at=now,
    )


def creation(deps: Deps, turn: Turn, crew: Crew, answer: TeamAnswer, message_id: str) -> Create:
    """The write that adds a collaboration, for a commit that is not a unit of work yet."""
    document = collaboration(turn, crew, answer, message_id, deps.now())
    return Create(Ref("collaborations", document.id), document.model_dump())


def list_page(
    deps: Deps, tenant_id: str, conversation_id: str | None, limit: int, cursor: str | None
) -> tuple[list[AgentCollaboration], str | None]:
    """A tenant's collaborations, or those of one conversation, newest first; raises `NotFound` for an unknown one."""
    unit = UnitOfWork(deps.store)
    query = unit.collaborations.query().where(lambda collaboration: collaboration.tenant_id, "==", tenant_id)
    if conversation_id is not None:
        unit.conversations.owned(tenant_id, conversation_id)
        query = query.where(lambda collaboration: collaboration.conversation_id, "==", conversation_id)
    query = query.order_by(lambda collaboration: collaboration.created_at, descending=True)
    page = query.page(min(limit, MAX_PAGE), cursor)
    return page.documents, page.cursor
