"""What is kept of how teams came to their answers."""

from __future__ import annotations

from shared.answering.team import Crew, TeamAnswer
from shared.answering.turns import Turn
from shared.deps import Deps
from shared.domain.agents import AgentCollaboration
from shared.domain.ids import stable_id
from shared.ports.store import Create, Order, Ref, Where
from shared.usecases.outbox.enqueueing import read_conversation

MOST = 100
_KEPT = 8_000


def creation(deps: Deps, turn: Turn, crew: Crew, said: TeamAnswer, message_id: str) -> Create:
    """The write that keeps an answer's making, for the commit that keeps the answer; `message_id` is its first part."""
    made = AgentCollaboration(
        id=stable_id("collaboration", message_id),
        tenant_id=turn.conversation.tenant_id,
        conversation_id=turn.conversation.id,
        message_id=message_id,
        team_id=crew.team_id,
        team_name=crew.name,
        lead_agent_id=crew.lead.id,
        question=turn.text[:_KEPT],
        answer=said.text[:_KEPT],
        steps=said.steps,
        tokens=said.tokens,
        milliseconds=said.milliseconds,
        created_at=deps.now(),
    )
    return Create(Ref("collaborations", made.id), made.model_dump())


def list_page(
    deps: Deps, tenant_id: str, conversation_id: str | None, limit: int, cursor: str | None
) -> tuple[list[AgentCollaboration], str | None]:
    """A tenant's collaborations, or those of one conversation, newest first; raises `NotFound` for an unknown one."""
    where = [Where("tenant_id", "==", tenant_id)]
    if conversation_id is not None:
        read_conversation(deps, tenant_id, conversation_id)
        where.append(Where("conversation_id", "==", conversation_id))
    order = [Order("created_at", descending=True)]
    page = deps.store.find("collaborations", where, order, min(limit, MOST), cursor)
    return [AgentCollaboration.model_validate(document.data) for document in page.documents], page.cursor
