"""How teams lie in the store.

    agent_teams/{id}                the team with its members
    agent_team_names/{hash}         a copy by tenant and name: makes names unique, and a team readable by its name
    tenants/{id}                    which team the tenant's responder leads

What belongs together is written in one commit.
"""

from __future__ import annotations

from shared.deps import Deps
from shared.domain.agents import AgentTeam
from shared.domain.ids import stable_id
from shared.ports.store import Order, Ref, Where


def team_ref(team_id: str) -> Ref:
    return Ref("agent_teams", team_id)


def name_ref(tenant_id: str, name: str) -> Ref:
    """Upper and lower case, and how much space is between words, make no difference."""
    return Ref("agent_team_names", stable_id(tenant_id, " ".join(name.split()).casefold()))


def led_by(deps: Deps, tenant_id: str, agent_id: str, limit: int = 1) -> list[AgentTeam]:
    """The oldest teams that an agent leads."""
    where = [Where("tenant_id", "==", tenant_id), Where("lead_agent_id", "==", agent_id)]
    page = deps.store.find("agent_teams", where, [Order("created_at")], limit)
    return [AgentTeam.model_validate(document.data) for document in page.documents]
