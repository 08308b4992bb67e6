"""Whose turn it is in a conversation: that of whoever answers by itself, or that of a person.

While a person has it, machines are silent. They go on when it is released, when it is closed, or when its person has
given no sign for the pause that its channel or tenant has. The end of a pause is written in the conversation
(`pause_ends_at`): the sweep publishes a reply event for it, and whoever takes that event gives the conversation back
and answers what waits. So a crash in between is made good by the bus, and after a release by the next sweep.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import DEFAULT_HUMAN_PAUSE, Principal, Tenant
from shared.domain.conversations import Conversation, ConversationStatus, Owner
from shared.domain.events import ReplyEvent, Topic
from shared.domain.ids import new_id, stable_id
from shared.domain.instances import Instance
from shared.domain.notes import system_note
from shared.domain.notifications import Notification
from shared.errors import Collision
from shared.logs import current_trace
from shared.usecases import realtime
from shared.usecases.conversations import assignees, team_queues
from shared.usecases.instances import instance_lookup
from shared.usecases.instances.instance_documents import label
from shared.usecases.reporting import notifications
from shared.usecases.service_levels import clocks


def pause_ends_at(deps: Deps, instance: Instance | None, tenant: Tenant | None) -> datetime | None:
    """When machines go on if a person gives the last sign now; None where they wait for a release."""
    minutes = instance.options.human_pause_minutes if instance is not None else None
    if minutes is None:
        minutes = tenant.human_pause_minutes if tenant is not None else DEFAULT_HUMAN_PAUSE
    return deps.now() + timedelta(minutes=minutes) if minutes else None


def begin_pause(
    deps: Deps,
    unit: UnitOfWork,
    conversation: Conversation,
    holder_id: str | None,
    instance: Instance | None = None,
) -> None:
    """Give a conversation that this unit adds or has read to a person, and have machines pause anew.

    Reads the tenant, which the unit may have read already, and the instance unless it is named.
    """
    instance = instance or instance_lookup.find_cached(deps, instance_id=conversation.instance_id)
    conversation.give_to_human(holder_id, pause_ends_at(deps, instance, unit.tenants.get(conversation.tenant_id)))


def note_sign(deps: Deps, unit: UnitOfWork, caller: Principal, conversation: Conversation, instance: Instance) -> None:
    """A person writes: the conversation is theirs unless another person has it, and the pause begins anew."""
    is_held = conversation.owner is Owner.HUMAN
    holder_id = (conversation.holder_id if is_held else None) or caller.actor_id
    begin_pause(deps, unit, conversation, holder_id, instance)


def take(deps: Deps, caller: Principal, conversation_id: str) -> Conversation:
    """Take a conversation from the machines. Raises `Collision`, which names the person who has it, and `NotFound`."""
    return _take(deps, caller, conversation_id, is_offer_needed=False)


def accept(deps: Deps, caller: Principal, conversation_id: str) -> Conversation:
    """Take a conversation that waits for a person. Raises as `take`, and `Collision` for one that does not wait."""
    return _take(deps, caller, conversation_id, is_offer_needed=True)


def _take(deps: Deps, caller: Principal, conversation_id: str, *, is_offer_needed: bool) -> Conversation:
    def attempt(unit: UnitOfWork) -> Conversation:
        conversation = _held_by_no_other(unit, caller, conversation_id)
        is_on_offer = conversation.needs_human or conversation.owner is not Owner.BOT
        if is_offer_needed and not is_on_offer:
            raise Collision("this conversation does not wait for a person: take it instead")
        begin_pause(deps, unit, conversation, caller.actor_id)
        former_assignee_id = conversation.assignee_id
        conversation.assignee_id = caller.answerable or former_assignee_id
        if conversation.assignee_id != former_assignee_id:
            conversation.assigned_at = deps.now()
            team_queues.make_room(deps, unit, conversation, former_assignee_id)
        clocks.follow(deps, conversation)
        return _changed(deps, unit, conversation)

    return run_with_retry(deps, attempt)


def release(deps: Deps, tenant_id: str, conversation_id: str) -> Conversation:
    """Give a conversation back to the machines, whoever has it; what waits is answered. Raises `NotFound`."""

    def attempt(unit: UnitOfWork) -> Conversation:
        conversation = unit.conversations.owned(tenant_id, conversation_id)
        former_assignee_id = conversation.assignee_id
        assign(deps, unit, conversation, None)
        conversation.leave_queue()
        team_queues.make_room(deps, unit, conversation, former_assignee_id)
        return _changed(deps, unit, conversation)

    return run_with_retry(deps, attempt)


def assign(deps: Deps, unit: UnitOfWork, conversation: Conversation, assignee_id: str | None) -> None:
    """Give a conversation to a user, an agent or a team whom somebody has checked; None takes it away from anybody."""
    conversation.assignee_id, conversation.needs_human = assignee_id, False
    conversation.assigned_at = deps.now() if assignee_id is not None else None
    if assignee_id is None:
        give_back(deps, unit, conversation)
    elif conversation.status is not ConversationStatus.CLOSED:
        begin_pause(deps, unit, conversation, assignee_id)


def give_back(deps: Deps, unit: UnitOfWork, conversation: Conversation) -> None:
    """Have machines answer again, what waits too, in the unit that has read the conversation."""
    if conversation.owner is Owner.BOT:
        return
    conversation.give_to_bot()
    if conversation.needs_reply_since is not None:
        # Until the reply event is taken: where a crash loses it, the sweep publishes another.
        conversation.pause_ends_at = deps.now()
        unit.after_commit(lambda: ask_for_reply(deps, conversation))


def ask_for_reply(deps: Deps, conversation: Conversation) -> None:
    """Have the end of a pause noticed, and what waits answered."""
    trace = current_trace()
    event = ReplyEvent(
        tenant_id=conversation.tenant_id,
        conversation_id=conversation.id,
        message_id=conversation.last_inbound_message_id or "",
        request_id=trace.request_id if trace else None,
        traceparent=trace.traceparent if trace else None,
    )
    deps.bus.publish(Topic.REPLIES, event, key=conversation.id)


def is_pause_over(deps: Deps, conversation: Conversation) -> bool:
    """Whether machines may go on, and nobody has written that down yet."""
    return conversation.pause_ends_at is not None and conversation.pause_ends_at <= deps.now()


def end_pause(deps: Deps, tenant_id: str, conversation_id: str) -> None:
    """Give a conversation back whose pause is over, once; who was to take care of it still is."""

    def attempt(unit: UnitOfWork) -> None:
        conversation = unit.conversations.owned(tenant_id, conversation_id)
        if is_pause_over(deps, conversation):
            conversation.give_to_bot()
            _changed(deps, unit, conversation)

    run_with_retry(deps, attempt)


def offer(
    deps: Deps, caller: Principal, conversation_id: str, reason: str | None, assignee_id: str | None
) -> Conversation:
    """Have a conversation wait for a person, for `assignee_id` above all; machines are silent until then.

    Raises `Collision`, which names another person who has it, `BadRequest` for an assignee who is nobody, `NotFound`.
    """

    def attempt(unit: UnitOfWork) -> Conversation:
        unit.fetch(unit.conversations.key(conversation_id), *assignees.keys(unit, caller.tenant_id, assignee_id))
        assignees.check(unit, caller.tenant_id, assignee_id)
        conversation = _held_by_no_other(unit, caller, conversation_id)
        conversation.assignee_id = assignee_id
        wait_for_person(deps, unit, conversation, "conversation_offered", reason or "a person is to take it over")
        return conversation

    return run_with_retry(deps, attempt)


def wait_for_person(
    deps: Deps, unit: UnitOfWork, conversation: Conversation, notification_type: str, reason: str
) -> None:
    """Silence the machines until a person has taken the conversation, and tell people why, all in one commit."""
    conversation.give_to_nobody()
    team_queues.join_again(deps, unit, conversation)
    note = unit.messages.add(system_note(conversation, new_id(), f"A person is needed: {reason}", deps.now()))
    realtime.message_created(deps, unit, note)
    notifications.add(deps, unit, notification_of(deps, conversation, note.id, notification_type, reason))
    realtime.needs_human(deps, unit, conversation, reason)
    _changed(deps, unit, conversation)


def notification_of(
    deps: Deps, conversation: Conversation, occasion: str, notification_type: str, reason: str
) -> Notification:
    """What tells people that a conversation needs one of them; there is one for each `occasion`."""
    instance = instance_lookup.find_cached(deps, instance_id=conversation.instance_id)
    return Notification(
        id=stable_id("unanswered", conversation.id, occasion),
        tenant_id=conversation.tenant_id,
        type=notification_type,
        title="A customer needs a human",
        message=f"{label(instance)}: {reason}" if instance else reason,
        conversation_id=conversation.id,
        created_at=deps.now(),
    )


def _held_by_no_other(unit: UnitOfWork, caller: Principal, conversation_id: str) -> Conversation:
    conversation = unit.conversations.owned(caller.tenant_id, conversation_id)
    if conversation.status is ConversationStatus.CLOSED:
        raise Collision("this conversation is closed: open it first")
    holder_id = conversation.holder_id
    if conversation.owner is Owner.HUMAN and holder_id not in (None, caller.actor_id):
        raise Collision(f"{_name(unit, caller.tenant_id, str(holder_id))} has this conversation")
    return conversation


def _name(unit: UnitOfWork, tenant_id: str, holder_id: str) -> str:
    user = unit.users.owned_or_none(tenant_id, holder_id)
    if user is not None:
        return user.name or user.email
    key = unit.api_keys.owned_or_none(tenant_id, holder_id)
    return f"the API key {key.name}" if key else holder_id


def _changed(deps: Deps, unit: UnitOfWork, conversation: Conversation) -> Conversation:
    conversation.updated_at = deps.now()
    unit.conversations.expect_unchanged(conversation)
    realtime.conversation_updated(deps, unit, conversation)
    return conversation
