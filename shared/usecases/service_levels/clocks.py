"""What is due in a conversation by its tenant's policies.

It is written in the conversation (`Conversation.sla`) by whatever begins or ends a customer's waiting. The sweep finds
by an index what people have to be warned of. In the same way it is written there when another person of its team is to
have a conversation that its person does not answer.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.deps import Deps
from shared.documents.query import Query
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.analytics import Counters
from shared.domain.conversations import Conversation
from shared.domain.ids import stable_id
from shared.domain.notifications import Notification
from shared.domain.sla import SlaClock, SlaState, SlaTarget
from shared.usecases import realtime
from shared.usecases.accounts import tenants
from shared.usecases.reporting import counters, notifications
from shared.usecases.service_levels import levels

_DUE = {
    SlaTarget.FIRST_ANSWER: "The first answer",
    SlaTarget.NEXT_ANSWER: "An answer",
    SlaTarget.RESOLUTION: "The resolution",
}


def follow(deps: Deps, conversation: Conversation) -> None:
    """Write down what is due in a conversation as it is now, which this unit adds or has read."""
    promised = levels.cached(deps, conversation.tenant_id)
    if promised.policies or conversation.sla.clocks:
        conversation.sla = promised.sla_of(conversation)
    if conversation.team_id is not None:
        minutes = tenants.cached(deps, conversation.tenant_id).reassign_after_minutes.get(conversation.team_id, 0)
        conversation.reassign_at = reassign_at(conversation, minutes)


def reassign_at(conversation: Conversation, minutes: int) -> datetime | None:
    """When somebody else of the team is to have it, where the team allows its people so many minutes; 0: any time."""
    since = conversation.unanswered_from()
    return since + timedelta(minutes=minutes) if minutes and since is not None else None


def are_promised(deps: Deps, tenant_id: str) -> bool:
    """Whether the tenant has any policy, or a team whose people have to answer within a time."""
    return bool(levels.cached(deps, tenant_id).policies) or bool(tenants.cached(deps, tenant_id).reassign_after_minutes)


def due(deps: Deps) -> Query[Conversation]:
    """The conversations in which something has to be warned of."""
    query = UnitOfWork(deps.store).conversations.query()
    query = query.where(lambda conversation: conversation.sla.look_at, "<=", deps.now())
    return query.order_by(lambda conversation: conversation.sla.look_at)


def warn(deps: Deps, unit: UnitOfWork, conversation: Conversation) -> None:
    """Tell people what is soon due, or overdue, in a conversation that this unit has read: each once."""
    conversation.sla, clocks = conversation.sla.at(deps.now())
    conversation.updated_at = deps.now()
    unit.conversations.expect_unchanged(conversation)
    for clock in clocks:
        notifications.add(deps, unit, _notification(deps, conversation, clock))
        realtime.sla_changed(deps, unit, conversation, clock)
        if clock.state is SlaState.BREACHED:
            counters.count(unit, counters.Source.of(conversation), deps.now(), Counters(sla_breaches=1))
    realtime.conversation_updated(deps, unit, conversation)


def _notification(deps: Deps, conversation: Conversation, clock: SlaClock) -> Notification:
    is_breached = clock.state is SlaState.BREACHED
    customer = conversation.customer_name or conversation.external_user_id
    at = f"{clock.due_at:%Y-%m-%d %H:%M} UTC"
    return Notification(
        id=stable_id("sla", conversation.id, clock.target, clock.due_at.isoformat(), clock.state),
        tenant_id=conversation.tenant_id,
        type="sla_breached" if is_breached else "sla_warning",
        title=f"{_DUE[clock.target]} is {'overdue' if is_breached else 'due soon'}",
        message=f"{customer}: {'was' if is_breached else 'is'} due at {at}",
        conversation_id=conversation.id,
        created_at=deps.now(),
    )
