"""What becomes of a campaign's message to each customer, in the commit that learns it.

    campaign_recipients/{message}   how far the campaign has come with one customer
    campaign_counters/{shard}       how many there are in each state

Other messages cost nothing: only a campaign's name it.
"""

from __future__ import annotations

from datetime import datetime

from shared.documents import Increment, ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.campaigns import CampaignRecipient, RecipientState
from shared.domain.customers import Identity
from shared.domain.kinds import MessageStatus
from shared.domain.messages import Message

_STATES = {
    MessageStatus.SENT: RecipientState.SENT,
    MessageStatus.DELIVERED: RecipientState.DELIVERED,
    MessageStatus.READ: RecipientState.READ,
    MessageStatus.DEAD: RecipientState.FAILED,
}


def add(unit: UnitOfWork, recipient: CampaignRecipient) -> None:
    """Count a customer whom the campaign has come to; the commit raises `AlreadyExists` for one who was counted."""
    unit.campaign_recipients.add(recipient)
    _count(unit, recipient, {recipient.state: 1}, recipient.reason)


def change(
    unit: UnitOfWork, recipient: CampaignRecipient, state: RecipientState, now: datetime, reason: str | None = None
) -> None:
    """Move a recipient that was read in the unit to another state, in any direction."""
    former = recipient.state
    recipient.state, recipient.reason, recipient.updated_at = state, reason, now
    if former is not state:
        _count(unit, recipient, {former: -1, state: 1}, reason)


def follow(unit: UnitOfWork, message: Message, now: datetime) -> None:
    """Have the recipient say what the message says; one of no campaign is passed over."""
    if message.campaign_id is not None:
        follow_status(unit, message.tenant_id, message.id, message.status, now, message.error)


def follow_status(
    unit: UnitOfWork, tenant_id: str, message_id: str, status: MessageStatus, now: datetime, error: str | None = None
) -> None:
    """The same for a campaign's message of which only the new status is at hand."""
    state = _STATES.get(status)
    if state is not None:
        _move(unit, tenant_id, message_id, state, now, error if state is RecipientState.FAILED else None)


def note_answer(unit: UnitOfWork, identity: Identity, at: datetime, *, has_opted_out: bool = False) -> None:
    """The customer whom a campaign wrote to lately has answered, or wants no more."""
    mark = identity.campaign
    if mark is not None and mark.recipient_id is not None and at <= mark.until:
        state = RecipientState.OPTED_OUT if has_opted_out else RecipientState.ANSWERED
        _move(unit, identity.tenant_id, mark.recipient_id, state, at)


def _move(
    unit: UnitOfWork, tenant_id: str, recipient_id: str, state: RecipientState, now: datetime, reason: str | None = None
) -> None:
    recipient = unit.campaign_recipients.owned_or_none(tenant_id, recipient_id)
    if recipient is not None and recipient.may_become(state):
        change(unit, recipient, state, now, reason)


def _count(unit: UnitOfWork, recipient: CampaignRecipient, by: dict[RecipientState, int], reason: str | None) -> None:
    counter_id = ids.campaign_counter(recipient.campaign_id, recipient.customer_id)
    fields: dict[str, object] = {"states": {state.value: Increment(number) for state, number in by.items()}}
    if recipient.state is RecipientState.SKIPPED and reason:
        fields["skipped"] = {reason.partition(":")[0]: Increment(1)}
    unit.campaign_counters.patch(counter_id, **fields)
