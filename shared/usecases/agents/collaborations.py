"""How teams of agents came to their answers."""

from __future__ import annotations

from shared.answering.team import Crew, TeamAnswer
from shared.answering.turns import Turn
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.agents import AgentCollaboration
from shared.domain.ids import stable_id

MAX_PAGE = 100
_MAX_CHARACTERS = 8_000


def add(deps: Deps, unit: UnitOfWork, turn: Turn, crew: Crew, answer: TeamAnswer, message_id: str) -> None:
    """Keep how an answer came about, in the unit that keeps the answer; `message_id` is that of its first part."""
    collaboration = AgentCollaboration(
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
        created_at=deps.now(),
    )
    unit.collaborations.add(collaboration)


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
