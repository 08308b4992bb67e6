"""Opt-outs: which customers want no messages that they have not asked for."""

from __future__ import annotations

import logging

from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.inbound import ConsentChanged
from shared.domain.instances import Instance
from shared.errors import NotFound
from shared.usecases.customers import customers

log = logging.getLogger(__name__)


def change(deps: Deps, instance: Instance, event: ConsentChanged) -> None:
    """Note on the customer whose address it is that they opted out, or in again.

    It is the person who opts out, so it holds on all channels. An address that
    nobody has is logged: there is nobody to write to.
    """

    def attempt(unit: UnitOfWork) -> None:
        identity = unit.identities.owned_or_none(instance.tenant_id, ids.identity(instance.id, event.chat_key))
        if identity is None:
            log.info("an opt-out of somebody unknown", extra={"instance_id": instance.id, "why": event.why})
            return
        try:
            customer = customers.current(unit, instance.tenant_id, identity.customer_id)
        except NotFound:
            return
        if customer.opted_out == event.opted_out:
            return
        customer.opted_out, customer.updated_at = event.opted_out, deps.now()
        extra = {"customer_id": customer.id, "opted_out": event.opted_out, "why": event.why}
        unit.after_commit(lambda: log.info("consent changed", extra=extra))

    run_with_retry(deps, attempt)
