"""Which teams an agent leads."""

from __future__ import annotations

from shared.documents.unit_of_work import UnitOfWork
from shared.domain.agents import AgentTeam


def oldest_teams_led_by(unit: UnitOfWork, tenant_id: str, agent_id: str, limit: int = 1) -> list[AgentTeam]:
    query = unit.agent_teams.query().where(lambda team: team.tenant_id, "==", tenant_id)
    query = query.where(lambda team: team.lead_agent_id, "==", agent_id)
    return query.order_by(lambda team: team.created_at).page(limit).documents
