"""The queues of teams: conversations that wait until a person of the team is free.

A conversation is in the queue while it has a `queue_order`, by which the queue is read: the higher priority first, then
the longer wait. Who puts it there publishes an event; where a crash loses that, the sweep finds `assign_at` and
publishes another.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from shared.deps import Deps
from shared.documents import ids
from shared.documents.query import Query
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.agents import AgentTeam
from shared.domain.conversations import Conversation
from shared.usecases.accounts import availabilities

_SWEEP_AFTER = timedelta(seconds=60)


def join(deps: Deps, unit: UnitOfWork, conversation: Conversation, team: AgentTeam) -> None:
    """Have a conversation, which this unit adds or has read, wait for a person of a team that assigns people."""
    if not team.assigns_people:
        return
    conversation.join_queue(deps.now(), look_at=deps.now() + _SWEEP_AFTER)
    unit.after_commit(partial(availabilities.wake, deps, team.tenant_id, team_id=team.id))


def join_again(deps: Deps, unit: UnitOfWork, conversation: Conversation) -> None:
    """Have it wait for somebody of the team that it has, unless a person is to take care of it already."""
    team_id = conversation.team_id
    if team_id is None or conversation.queue_order is not None or conversation.assignee_id not in (None, team_id):
        return
    team = unit.agent_teams.owned_or_none(conversation.tenant_id, team_id)
    if team is not None:
        join(deps, unit, conversation, team)


def team_of(unit: UnitOfWork, tenant_id: str, id_or_name: str) -> AgentTeam | None:
    """The team of that id or name, in one round trip."""
    name_id = ids.team_name(tenant_id, id_or_name)
    unit.fetch(unit.agent_teams.key(id_or_name), unit.agent_team_names.key(name_id))
    return unit.agent_teams.owned_or_none(tenant_id, id_or_name) or unit.agent_team_names.get(name_id)


def make_room(deps: Deps, unit: UnitOfWork, conversation: Conversation, former_assignee_id: str | None) -> None:
    """Whoever had it may have room for another one; costs a read where there was somebody."""
    if former_assignee_id is None:
        return
    availability = unit.availabilities.owned_or_none(conversation.tenant_id, former_assignee_id)
    if availability is not None:
        availabilities.have_looked_at(deps, unit, availability)


def waiting(unit: UnitOfWork, tenant_id: str, team_id: str) -> Query[Conversation]:
    """What waits for the team's people, in order."""
    query = unit.conversations.query().where(lambda conversation: conversation.tenant_id, "==", tenant_id)
    query = query.where(lambda conversation: conversation.team_id, "==", team_id)
    query = query.where(lambda conversation: conversation.queue_order, ">", "")
    return query.order_by(lambda conversation: conversation.queue_order)


def due(deps: Deps) -> Query[Conversation]:
    """The conversations whose event may be lost."""
    query = UnitOfWork(deps.store).conversations.query()
    query = query.where(lambda conversation: conversation.assign_at, "<=", deps.now())
    return query.order_by(lambda conversation: conversation.assign_at)


def wake_again(deps: Deps, conversation: Conversation) -> None:
    """Publish the event of a conversation once more, and leave it to whoever becomes free afterwards.

    Or to who has not answered it, once it was offered to the others for as long.
    """
    availabilities.wake(deps, conversation.tenant_id, team_id=conversation.team_id)
    missed = conversation.missed
    conversation.assign_at = missed.until if missed is not None and missed.until > deps.now() else None
