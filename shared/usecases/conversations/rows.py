"""What lists show of conversations beside what is stored in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation
from shared.domain.messages import Message


@dataclass(frozen=True, slots=True)
class Row:
    """A conversation with its latest message (an older conversation names none) and its assignee's name.

    The name is None for somebody in another system.
    """

    conversation: Conversation
    last_message: Message | None
    assignee_name: str | None


def rows(deps: Deps, tenant_id: str, conversations: Sequence[Conversation]) -> list[Row]:
    """The rows of a tenant's conversations, in one round trip; none when there are no conversations."""
    unit = UnitOfWork(deps.store)
    message_ids = [conversation.last_message_id or "" for conversation in conversations]
    assignee_ids = {conversation.assignee_id for conversation in conversations if conversation.assignee_id}
    people = (unit.users, unit.agents, unit.agent_teams)
    keys = [unit.message_records.key(message_id) for message_id in message_ids if message_id]
    keys += [collection.key(assignee_id) for assignee_id in assignee_ids for collection in people]
    unit.fetch(*keys)
    names = {assignee_id: _name(unit, tenant_id, assignee_id) for assignee_id in assignee_ids}
    return [
        Row(conversation, _message(unit, message_id), names.get(conversation.assignee_id or ""))
        for conversation, message_id in zip(conversations, message_ids, strict=True)
    ]


def _message(unit: UnitOfWork, message_id: str) -> Message | None:
    record = unit.message_records.get(message_id) if message_id else None
    return record if isinstance(record, Message) else None


def _name(unit: UnitOfWork, tenant_id: str, assignee_id: str) -> str | None:
    user = unit.users.owned_or_none(tenant_id, assignee_id)
    if user is not None:
        return user.name or user.email
    assignee = unit.agents.owned_or_none(tenant_id, assignee_id) or unit.agent_teams.owned_or_none(
        tenant_id, assignee_id
    )
    return assignee.name if assignee is not None else None
