"""The guard of everything that answers by itself: how much one address gets in an hour."""

from __future__ import annotations

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.automatic_answers import StopReason, count_answer, is_exhausted
from shared.domain.conversations import Conversation
from shared.domain.ids import stable_id
from shared.domain.instances import Instance
from shared.domain.messages import Message
from shared.domain.notes import system_note


def may_answer(deps: Deps, conversation: Conversation, instance: Instance) -> bool:
    """Whether the conversation's address may get one more automatic answer within this hour."""
    return not is_exhausted(conversation.automatic_answers, instance.options.automatic_answers_per_hour, deps.now())


def count(deps: Deps, unit: UnitOfWork, conversation: Conversation) -> None:
    """Count an automatic answer that this unit accepts; the identity keeps the count for the next conversation."""
    answers = count_answer(conversation.automatic_answers, deps.now())
    conversation.automatic_answers = answers
    unit.identities.patch(conversation.identity_id, automatic_answers=answers)


def note(deps: Deps, conversation: Conversation, reason: StopReason) -> Message:
    """What people read where automatic answers have stopped, once for each message of the customer."""
    note_id = stable_id("stopped", conversation.id, str(conversation.last_inbound_message_id))
    return system_note(
        conversation, note_id, f"Automatic answers have stopped: {reason}. A person is to answer.", deps.now()
    )
