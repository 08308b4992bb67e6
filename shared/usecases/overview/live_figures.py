"""The figures that dashboards are told while they watch."""

from __future__ import annotations

from dataclasses import dataclass

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.analytics import Range
from shared.usecases.conversations import conversations
from shared.usecases.reporting import analytics
from shared.usecases.reporting.analytics import Overview

RANGE = Range.HOUR
"""How far back the figures reach that are no counts of what there is now."""


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """A tenant's open sessions, those of them whose customer waits for an answer, its active agents, and `RANGE`."""

    open_sessions: int
    waiting_sessions: int
    active_agents: int
    overview: Overview


def of_tenant(deps: Deps, tenant_id: str) -> LiveFigures:
    """The tenant's figures at this moment; the cost does not depend on how much was written."""
    agents = UnitOfWork(deps.store).agents.query().where(lambda agent: agent.tenant_id, "==", tenant_id)
    return LiveFigures(
        open_sessions=conversations.count_open(deps, tenant_id),
        waiting_sessions=conversations.count_waiting(deps, tenant_id),
        active_agents=agents.where(lambda agent: agent.active, "==", True).count(),
        overview=analytics.overview(deps, tenant_id, RANGE),
    )
