"""Giving the conversations of a team's queue to its people, and taking them back.

A conversation and the person who gets it are written in one commit, at the versions that were read: of two who are free
at once one gets it, and of two conversations at once one gets the last room of a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.deps import Deps
from shared.documents.query import Query
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Tenant
from shared.domain.agents import AgentTeam, Assignment, SkillMatching
from shared.domain.availability import Availability, Presence
from shared.domain.conversations import Conversation, ConversationStatus, Missed, Owner
from shared.domain.ids import new_id, stable_id
from shared.domain.notes import system_note
from shared.domain.notifications import Notification
from shared.usecases import realtime
from shared.usecases.accounts import availabilities
from shared.usecases.agents import teams
from shared.usecases.conversations import ownership, team_queues
from shared.usecases.reporting import notifications
from shared.usecases.service_levels import clocks

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_AT_ONCE = 200
"""Conversations that one event assigns; another event goes on."""
_MOST_LOOKED_AT = 50
"""Of those that wait, where people lack the skills for the first ones."""
_PAGE = 100


def assign_waiting(deps: Deps, tenant_id: str, team_id: str) -> None:
    """Give the conversations that wait for a team to its people, until nobody is free or nothing waits.

    For a team that was deleted none waits any more.
    """
    for _ in range(_MOST_AT_ONCE):
        if not run_with_retry(deps, lambda unit: _assign_next(deps, unit, tenant_id, team_id)):
            return
    availabilities.wake(deps, tenant_id, team_id=team_id)


def attend(deps: Deps, tenant_id: str, person_id: str) -> None:
    """Act upon what has changed for a person: take away what others are to have, then give them what they can take."""
    unit = UnitOfWork(deps.store)
    unit.fetch(unit.availabilities.key(person_id), unit.tenants.key(tenant_id))
    person = unit.availabilities.owned_or_none(tenant_id, person_id)
    if person is None:
        return
    unassign_after = _unassign_after(unit.tenants.get(tenant_id))
    reason = _reason_to_leave(deps, person, unassign_after)
    if reason is not None or person.left_team_ids:
        team_ids = None if reason is not None else frozenset(person.left_team_ids)
        _take_away(deps, person, reason or "is no more in the team", team_ids)
    for team_id in run_with_retry(deps, lambda unit: _settle(deps, unit, person, unassign_after)):
        assign_waiting(deps, tenant_id, team_id)


def _unassign_after(tenant: Tenant | None) -> timedelta:
    return timedelta(minutes=tenant.unassign_offline_minutes if tenant is not None else 0)


def _reason_to_leave(deps: Deps, person: Availability, unassign_after: timedelta) -> str | None:
    """Why others are to have all conversations of a person; None where they keep them."""
    if person.is_gone:
        return "can no longer answer"
    return "is offline" if person.has_left(deps.now(), unassign_after) else None


def _settle(deps: Deps, unit: UnitOfWork, former: Availability, unassign_after: timedelta) -> list[str]:
    """Write down that it was acted upon what `former` says; returns the teams that the person can be given work of."""
    person, now = unit.availabilities.owned_or_none(former.tenant_id, former.id), deps.now()
    if person is None:
        return []
    if person.is_gone:
        for team in unit.agent_teams.owned_many(person.tenant_id, person.team_ids):
            teams.remove_person(unit, team, person.id)
        unit.availabilities.remove(person.id)
        return []
    if person.is_lost(now):
        availabilities.become(deps, unit, person, Presence.OFFLINE)
        person.is_chosen = False
    person.left_team_ids = [team_id for team_id in person.left_team_ids if team_id not in former.left_team_ids]
    person.due_at = now if person.left_team_ids else person.next_due(now, unassign_after)
    return person.team_ids if person.is_free else []


def _take_away(deps: Deps, person: Availability, reason: str, team_ids: frozenset[str] | None) -> None:
    """Take a person's conversations away, those of some teams or all; each goes back to its team's queue."""
    for status in (ConversationStatus.OPEN, ConversationStatus.SNOOZED):
        query = UnitOfWork(deps.store).conversations.query()
        query = query.where(lambda conversation: conversation.tenant_id, "==", person.tenant_id)
        query = query.where(lambda conversation: conversation.status, "==", status)
        query = query.where(lambda conversation: conversation.assignee_id, "==", person.id)
        for conversation in query.order_by(lambda each: each.last_message_at, descending=True).every(_PAGE):
            if team_ids is None or conversation.team_id in team_ids:
                _return(deps, person, conversation.id, reason)


def _return(deps: Deps, person: Availability, conversation_id: str, reason: str) -> None:
    run_with_retry(deps, lambda unit: _attempt_return(deps, unit, person, conversation_id, reason))


def _attempt_return(deps: Deps, unit: UnitOfWork, person: Availability, conversation_id: str, reason: str) -> None:
    unit.fetch(unit.conversations.key(conversation_id), unit.users.key(person.id))
    conversation = unit.conversations.owned_or_none(person.tenant_id, conversation_id)
    is_theirs = conversation is not None and conversation.assignee_id == person.id
    if conversation is None or not is_theirs or conversation.status is ConversationStatus.CLOSED:
        return
    conversation.assignee_id = None
    if conversation.owner is Owner.HUMAN:
        ownership.give_back(deps, unit, conversation)
    team_queues.join_again(deps, unit, conversation)
    queue = ": it waits for somebody else of the team" if conversation.queue_order is not None else ""
    _note(deps, unit, conversation, f"{_name(unit, person)} {reason} and has this conversation no more{queue}.")


def unanswered(deps: Deps) -> Query[Conversation]:
    """The conversations whose person may have let the time pass in which their team has them answer."""
    query = UnitOfWork(deps.store).conversations.query()
    query = query.where(lambda conversation: conversation.reassign_at, "<=", deps.now())
    return query.order_by(lambda conversation: conversation.reassign_at)


def pass_on(deps: Deps, unit: UnitOfWork, conversation: Conversation) -> None:
    """Put a conversation back into its team's queue if its person has not answered in time.

    For as long again it is offered to the others of the team, and then to that person, too. Who is alone in the team
    keeps it: there is nobody else to have it, and people are told all the same.
    """
    tenant_id, now = conversation.tenant_id, deps.now()
    person_id, team_id = conversation.assignee_id or "", conversation.team_id or ""
    unit.fetch(unit.agent_teams.key(team_id), unit.users.key(person_id), unit.availabilities.key(person_id))
    team, user = unit.agent_teams.owned_or_none(tenant_id, team_id), unit.users.owned_or_none(tenant_id, person_id)
    minutes = team.reassign_after_minutes if team is not None and team.assigns_people else 0
    conversation.reassign_at = clocks.reassign_at(conversation, minutes) if user is not None else None
    if team is None or user is None or conversation.reassign_at is None or conversation.reassign_at > now:
        return
    occasion = conversation.reassign_at.isoformat()
    reason = f"{user.name or user.email} has not answered within {minutes} minutes"
    if team.people_ids == [person_id]:
        conversation.reassign_at = None
        _tell_unanswered(deps, unit, conversation, occasion, f"{reason}, and nobody else is in the team {team.name}")
        return
    conversation.missed = Missed(by_id=person_id, until=now + timedelta(minutes=minutes))
    conversation.reassign_at = None
    ownership.assign(deps, unit, conversation, None)
    team_queues.join(deps, unit, conversation, team)
    team_queues.make_room(deps, unit, conversation, person_id)
    _note(deps, unit, conversation, f"{reason}: it waits for somebody else of the team {team.name}.")
    _tell_unanswered(deps, unit, conversation, occasion, reason)


def _tell_unanswered(deps: Deps, unit: UnitOfWork, conversation: Conversation, occasion: str, reason: str) -> None:
    """Notify people once of what was not answered by that time."""
    notification = Notification(
        id=stable_id("not answered", conversation.id, occasion),
        tenant_id=conversation.tenant_id,
        type="not_answered",
        title="A conversation was not answered in time",
        message=f"{conversation.customer_name or conversation.external_user_id}: {reason}",
        conversation_id=conversation.id,
        created_at=deps.now(),
    )
    if unit.notifications.owned_or_none(notification.tenant_id, notification.id) is None:
        notifications.add(deps, unit, notification)


def _assign_next(deps: Deps, unit: UnitOfWork, tenant_id: str, team_id: str) -> bool:
    """Give the first conversation that somebody can take to that person; returns whether there was one."""
    team = unit.agent_teams.owned_or_none(tenant_id, team_id)
    if team is None:
        return _let_next_go(deps, unit, tenant_id, team_id)
    if not team.assigns_people:
        return False
    staff = _Staff(unit, team, unit.availabilities.owned_many(tenant_id, team.people_ids), deps.now())
    if not any(person.is_free for person in staff.people):
        return False
    for waiting in team_queues.waiting(unit, tenant_id, team.id).page(_MOST_LOOKED_AT).documents:
        person = staff.best_for(waiting)
        if person is not None:
            _assign(deps, unit, team, waiting.id, person)
            return True
    return False


def _let_next_go(deps: Deps, unit: UnitOfWork, tenant_id: str, team_id: str) -> bool:
    """Take the first conversation out of the queue of a team that is gone; returns whether there was one."""
    waiting = team_queues.waiting(unit, tenant_id, team_id).first()
    conversation = unit.conversations.owned_or_none(tenant_id, waiting.id) if waiting is not None else None
    if conversation is None or conversation.queue_order is None:
        return waiting is not None
    conversation.leave_queue()
    conversation.team_id = None
    if conversation.assignee_id == team_id:
        ownership.assign(deps, unit, conversation, None)
    clocks.follow(deps, conversation)
    _note(deps, unit, conversation, "The team for which this conversation waited was deleted.")
    return True


def _assign(deps: Deps, unit: UnitOfWork, team: AgentTeam, conversation_id: str, person: Availability) -> None:
    unit.fetch(unit.conversations.key(conversation_id), unit.users.key(person.id), unit.tenants.key(team.tenant_id))
    conversation = unit.conversations.owned_or_none(team.tenant_id, conversation_id)
    if conversation is None or conversation.queue_order is None or conversation.queued_at is None:
        return  # somebody has it already, and the index says so soon
    queued_at = conversation.queued_at
    ownership.assign(deps, unit, conversation, person.id)
    clocks.follow(deps, conversation)
    person.last_assigned_at = deps.now()
    unit.availabilities.expect_unchanged(person)
    reason = f"{_RULES[team.assignment]} in the team {team.name}"
    _note(deps, unit, conversation, f"Assigned to {_name(unit, person)}: {reason}.")
    notification = Notification(
        id=stable_id("assigned", conversation.id, person.id, queued_at.isoformat()),
        tenant_id=team.tenant_id,
        type="assigned",
        title="A conversation was assigned to you",
        message=f"{conversation.customer_name or conversation.external_user_id}: {reason}",
        conversation_id=conversation.id,
        user_id=person.id,
        created_at=deps.now(),
    )
    unit.personal_notifications.put(notification)
    realtime.notification_created(deps, unit, notification)


_RULES = {
    Assignment.ROUND_ROBIN: "next in turn",
    Assignment.LEAST_BUSY: "has the fewest open conversations",
}
"""Why somebody was chosen, in words for people."""


def _name(unit: UnitOfWork, person: Availability) -> str:
    user = unit.users.owned_or_none(person.tenant_id, person.id)
    return (user.name or user.email) if user is not None else "Who had it"


def _note(deps: Deps, unit: UnitOfWork, conversation: Conversation, text: str) -> None:
    """Say in the conversation what has changed, and tell clients."""
    conversation.updated_at = deps.now()
    unit.conversations.expect_unchanged(conversation)
    note = unit.messages.add(system_note(conversation, new_id(), text, deps.now()))
    realtime.message_created(deps, unit, note)
    realtime.conversation_updated(deps, unit, conversation)


@dataclass(frozen=True, slots=True)
class _Staff:
    """The people of a team as they were read in a unit; how much each has is counted when it matters."""

    unit: UnitOfWork
    team: AgentTeam
    people: Sequence[Availability]
    now: datetime
    loads: dict[str, int] = field(default_factory=dict)

    def best_for(self, conversation: Conversation) -> Availability | None:
        """Who is to get it; None where nobody can."""
        skills = self._skills_of(conversation)
        free = [person for person in self.people if person.is_free and self._may_take(person, skills)]
        fitting = [person for person in free if not conversation.is_passed_over(person.id, self.now)]
        for person in sorted(fitting, key=lambda each: (-len(skills & _skills(each)), *self._turn(each))):
            if person.capacity is None or self._load(person) < person.capacity:
                return person
        return None

    def _skills_of(self, conversation: Conversation) -> frozenset[str]:
        """Its tags that are a skill of somebody in the team."""
        if self.team.skill_matching is SkillMatching.IGNORED:
            return frozenset()
        tags = frozenset(tag.casefold() for tag in conversation.tags)
        return tags & frozenset[str]().union(*map(_skills, self.people))

    def _may_take(self, person: Availability, skills: frozenset[str]) -> bool:
        return self.team.skill_matching is not SkillMatching.REQUIRED or skills <= _skills(person)

    def _turn(self, person: Availability) -> tuple[int, datetime]:
        is_by_load = self.team.assignment is Assignment.LEAST_BUSY
        return self._load(person) if is_by_load else 0, person.last_assigned_at or _EPOCH

    def _load(self, person: Availability) -> int:
        if person.id not in self.loads:
            self.loads[person.id] = availabilities.count_open(self.unit, person.tenant_id, person.id)
        return self.loads[person.id]


def _skills(person: Availability) -> frozenset[str]:
    return frozenset(skill.casefold() for skill in person.skills)
