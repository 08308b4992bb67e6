"""Confirming to a customer that they have opted out of automatic messages, or in again: once for each time."""

from __future__ import annotations

from shared.channels import names
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.consent_words import confirmation
from shared.domain.events import ReplyEvent
from shared.domain.ids import stable_id
from shared.domain.kinds import Consent
from shared.domain.messages import Author
from shared.usecases.instances import instance_lookup
from shared.usecases.outbox import enqueueing


def confirm(deps: Deps, event: ReplyEvent, consent: Consent) -> None:
    """Send the confirmation of the event's message; a second time it changes nothing."""
    run_with_retry(deps, lambda unit: _confirm(deps, unit, event, consent))


def _confirm(deps: Deps, unit: UnitOfWork, event: ReplyEvent, consent: Consent) -> None:
    confirmation_id = stable_id("consent", event.message_id)
    if unit.messages.collided_with(confirmation_id) is not None:
        return
    unit.fetch(unit.conversations.key(event.conversation_id), unit.messages.key(event.message_id))
    conversation = unit.conversations.owned_or_none(event.tenant_id, event.conversation_id)
    message = unit.messages.owned_or_none(event.tenant_id, event.message_id)
    if conversation is None or message is None:
        return
    instance = instance_lookup.find_cached(deps, instance_id=conversation.instance_id)
    if instance is None or instance.adapter not in names():
        return
    draft = enqueueing.Draft(confirmation_id, Author.SYSTEM, text=confirmation(message.text, consent))
    enqueueing.enqueue(deps, unit, conversation, instance, [draft], is_answer=False)
