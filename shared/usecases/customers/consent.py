"""Opt-outs: which customers want no messages that they have not asked for."""

from __future__ import annotations

import logging

from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.customers import Identity, OptOut
from shared.domain.inbound import ConsentChanged
from shared.domain.instances import ChannelType, Instance
from shared.domain.outbox import OutboxItem
from shared.errors import NotFound, RecipientOptedOut
from shared.usecases import realtime
from shared.usecases.accounts import tenants
from shared.usecases.customers import customers, opt_outs
from shared.usecases.reporting import campaign_results

log = logging.getLogger(__name__)


def scope(deps: Deps, instance: Instance) -> ChannelType | None:
    """The channel on which an opt-out holds; None for all of them."""
    return None if tenants.cached(deps, instance.tenant_id).opt_out_everywhere else instance.type


def change(deps: Deps, instance: Instance, event: ConsentChanged) -> None:
    """Note on the customer whose address it is that they opted out, or in again.

    It holds on the instance's channel, or on all where the tenant wants that. An
    address that nobody has is logged: there is nobody to write to.
    """

    def attempt(unit: UnitOfWork) -> None:
        identity = unit.identities.owned_or_none(instance.tenant_id, ids.identity(instance.id, event.chat_key))
        if identity is None:
            log.info("an opt-out of somebody unknown", extra={"instance_id": instance.id, "why": event.why})
            return
        _change(deps, unit, instance, identity, event)

    run_with_retry(deps, attempt)


def note_refusal(deps: Deps, instance: Instance, item: OutboxItem, error: RecipientOptedOut) -> None:
    """Note that whom a message was for has opted out, for its provider refused it therefore."""

    def attempt(unit: UnitOfWork) -> None:
        conversation = unit.conversations.owned_or_none(instance.tenant_id, item.conversation_id)
        identity_id = conversation.identity_id if conversation is not None else ""
        identity = unit.identities.owned_or_none(instance.tenant_id, identity_id) if identity_id else None
        if identity is not None and identity.instance_id == instance.id:
            event = ConsentChanged(
                chat_key="", opted_out=True, why=error.reason[:200], marketing_only=error.marketing_only
            )
            _change(deps, unit, instance, identity, event)

    run_with_retry(deps, attempt)


def _change(deps: Deps, unit: UnitOfWork, instance: Instance, identity: Identity, event: ConsentChanged) -> None:
    try:
        customer = customers.current(unit, instance.tenant_id, identity.customer_id)
    except NotFound:
        return
    if not event.marketing_only:
        identity.opted_out = event.opted_out
    if event.opted_out:
        now = deps.now()
        if customer.accepts(instance.type):
            campaign_results.note_answer(unit, identity, now, has_opted_out=True)
        opt_out = OptOut(channel=scope(deps, instance), reason=event.why, at=now, identity_id=identity.id)
        opt_outs.note(unit, customer, opt_out)
    elif not customer.accepts(instance.type):
        opt_outs.take_back(unit, customer, instance.type)
    else:
        return
    realtime.customer_updated(deps, unit, customer)
    extra = {"customer_id": customer.id, "opted_out": event.opted_out, "why": event.why}
    unit.after_commit(lambda: log.info("consent changed", extra=extra))
