"""What a customer's STOP or START changes, in the unit that stores the message.

Who has opted out is answered by people only. The confirmation is sent by whoever takes the reply event of the message.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.channels import channel
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.consent_words import says
from shared.domain.customers import Identity, OptOut
from shared.domain.inbound import MessageReceived
from shared.domain.instances import ChannelType, Instance
from shared.domain.kinds import Consent
from shared.errors import NotFound
from shared.usecases.customers import consent, customers, opt_outs
from shared.usecases.reporting import campaign_results


def of(instance: Instance, chat: Identity, received: MessageReceived) -> Consent | None:
    """What a message to a text channel changes: a word counts only where it changes something."""
    if not _may_say(instance, received):
        return None
    change = Consent.OPT_IN if chat.opted_out else Consent.OPT_OUT
    return change if _says(instance, received, change) else None


def _says(instance: Instance, received: MessageReceived, change: Consent) -> bool:
    """Whether the message is such a word and nothing else; of a mail its subject, or what stands above a signature."""
    options = instance.options
    own_words = options.opt_out_words if change is Consent.OPT_OUT else options.opt_in_words
    texts = [received.text]
    if instance.type is ChannelType.EMAIL:
        texts = [received.content.subject, (received.text or "").strip().partition("\n")[0]]
    is_sms = instance.type is ChannelType.SMS
    return any(says(text, change, own_words, is_sms=is_sms) for text in texts)


def _may_say(instance: Instance, received: MessageReceived) -> bool:
    if not received.makes_customer_wait or received.for_people or received.is_among_people:
        return False
    return not received.reports_consent and not channel(instance.adapter).capabilities.live


def as_received(
    instance: Instance, chat: Identity, received: MessageReceived, change: Consent | None
) -> MessageReceived:
    """The message, to which nothing but a confirmation is an answer, and no machine's where the customer opted out."""
    if change is not None:
        return replace(received, for_people=True, nobody_waits=True, not_routed=True)
    if not chat.opted_out or not received.is_by_customer or received.reports_consent:
        return received
    repeats = _may_say(instance, received) and _says(instance, received, Consent.OPT_OUT)
    return replace(received, for_people=True, nobody_waits=received.nobody_waits or repeats)


def apply(
    deps: Deps, unit: UnitOfWork, instance: Instance, chat: Identity, change: Consent, text: str, at: datetime
) -> None:
    """Write the change down in the chat's identity, which ends the waiting where they opt out, and in the ledger."""
    chat.opted_out = change is Consent.OPT_OUT
    chat.waiting_since = None if chat.opted_out else chat.waiting_since
    try:
        customer = customers.current(unit, instance.tenant_id, chat.customer_id)
    except NotFound:
        return
    if change is Consent.OPT_OUT:
        campaign_results.note_answer(unit, chat, at, has_opted_out=True)
        opt_out = OptOut(channel=consent.scope(deps, instance), reason=text, at=at, identity_id=chat.id)
        opt_outs.note(unit, customer, opt_out)
    else:
        opt_outs.take_back(unit, customer, instance.type)
