"""What is otherwise while the business is closed: customers are told so, and agents may answer, or may not.

A customer whom nobody answers by themselves is told once in a conversation each time that the business is closed. The
message's id is made of the conversation and of the next opening, so that trying again sends no second one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from shared.channels import channel, names
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import AgentHours, Tenant
from shared.domain.business_hours import BusinessHours, Standing, standing
from shared.domain.conversations import Conversation, ConversationStatus, Owner
from shared.domain.ids import stable_id
from shared.domain.instances import Instance
from shared.domain.messages import Author
from shared.usecases.instances import instance_lookup
from shared.usecases.outbox import automatic_answers, enqueueing
from shared.usecases.service_levels import levels


def tell(deps: Deps, conversation: Conversation) -> None:
    """Tell the customer of a conversation that the business is closed, if it is, and they wait for a person."""
    hours = levels.cached(deps, conversation.tenant_id).hours_of(conversation)
    if hours is None or not (hours.away_message or hours.away_messages):
        return
    now = standing(hours, deps.now())
    if not now.is_open:
        run_with_retry(deps, lambda unit: _tell(deps, unit, conversation, hours, now.opens_at))


def _tell(deps: Deps, unit: UnitOfWork, former: Conversation, hours: BusinessHours, opens_at: datetime | None) -> None:
    message_id = stable_id("away", former.id, opens_at.isoformat() if opens_at else "for good")
    unit.fetch(
        unit.conversations.key(former.id),
        unit.messages.key(message_id),
        unit.identities.key(former.identity_id),
        unit.customers.key(former.customer_id),
    )
    conversation = unit.conversations.owned_or_none(former.tenant_id, former.id)
    identity = unit.identities.owned_or_none(former.tenant_id, former.identity_id)
    if unit.messages.owned_or_none(former.tenant_id, message_id) is not None or conversation is None:
        return
    instance = instance_lookup.find_cached(deps, instance_id=conversation.instance_id)
    if identity is None or identity.opted_out or instance is None or not _may_be_told(deps, conversation, instance):
        return
    customer = unit.customers.owned_or_none(conversation.tenant_id, conversation.customer_id)
    text = _text(hours, customer.preferences.language if customer else None)
    if text is not None:
        automatic_answers.count(deps, unit, conversation)
        draft = enqueueing.Draft(message_id, Author.SYSTEM, text=text)
        enqueueing.enqueue(deps, unit, conversation, instance, [draft], is_answer=False)


def _may_be_told(deps: Deps, conversation: Conversation, instance: Instance) -> bool:
    """Whether somebody waits here whom no person has just written to; on a call nothing is sent beside."""
    if conversation.needs_reply_since is None or conversation.status is ConversationStatus.CLOSED:
        return False
    if conversation.is_group or instance.adapter not in names() or channel(instance.adapter).capabilities.live:
        return False
    has_person = conversation.owner is Owner.HUMAN and conversation.pause_ends_at is not None
    return not has_person and automatic_answers.may_answer(deps, conversation, instance)


def _text(hours: BusinessHours, language: str | None) -> str | None:
    """In the customer's language, else in a dialect's main one, else as all are told."""
    by_language: Mapping[str, str] = {tag.lower(): text for tag, text in hours.away_messages.items()}
    tag = (language or "").replace("_", "-").lower()
    return by_language.get(tag) or by_language.get(tag.partition("-")[0]) or hours.away_message


def keeps_agents_waiting(deps: Deps, tenant: Tenant | None, conversation: Conversation) -> bool:
    """Whether agents answer at other hours than these; they are asked again when theirs begin. A call is answered."""
    if tenant is None or tenant.agent_hours is AgentHours.ALWAYS:
        return False
    hours = levels.cached(deps, tenant.id).hours_of(conversation)
    instance = instance_lookup.find_cached(deps, instance_id=conversation.instance_id)
    is_call = instance is not None and channel(instance.adapter).capabilities.live
    now = standing(hours, deps.now()) if hours is not None else Standing(is_open=True, opens_at=None, closes_at=None)
    is_on = now.is_open is (tenant.agent_hours is AgentHours.INSIDE)
    if is_on or is_call:
        return False
    _ask_again_at(deps, conversation, now.closes_at if now.is_open else now.opens_at)
    return True


def _ask_again_at(deps: Deps, former: Conversation, moment: datetime | None) -> None:
    """Have the sweep ask for the answer then, as at the end of a pause."""

    def attempt(unit: UnitOfWork) -> None:
        conversation = unit.conversations.owned_or_none(former.tenant_id, former.id)
        if conversation is not None and conversation.owner is Owner.BOT and conversation.needs_reply_since is not None:
            conversation.pause_ends_at = moment

    run_with_retry(deps, attempt)
