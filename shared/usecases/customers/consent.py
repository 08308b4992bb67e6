"""The ledger of opt-outs: whom nobody may write to unasked."""

from __future__ import annotations

import logging

from shared.deps import Deps
from shared.domain.customers import Customer
from shared.domain.inbound import ConsentChanged
from shared.domain.instances import Instance
from shared.errors import NotFound
from shared.ports.store import Merge
from shared.usecases import refs
from shared.usecases.customers import customers
from shared.usecases.retrying import decide

log = logging.getLogger(__name__)


def change(deps: Deps, instance: Instance, what: ConsentChanged) -> None:
    """Note on the customer whose address it is that he opted out, or in again.

    It is the person who opts out, so it holds on all channels. An address that
    nobody has is logged: there is nobody to write to.
    """
    decide(lambda: _attempt(deps, instance, what))


def _attempt(deps: Deps, instance: Instance, what: ConsentChanged) -> None:
    ref = refs.identity(instance.id, what.chat_key)
    identity = deps.store.get([ref]).get(ref)
    if identity is None:
        log.info("an opt-out of somebody unknown", extra={"instance_id": instance.id, "why": what.why})
        return
    try:
        document = customers.read(deps, instance.tenant_id, str(identity.data["customer_id"]))
    except NotFound:
        return
    customer = Customer.model_validate(document.data)
    if customer.opted_out == what.opted_out:
        return
    changed = {"opted_out": what.opted_out, "updated_at": deps.now()}
    deps.store.commit([Merge(document.ref, changed, document.version)])
    log.info("consent changed", extra={"customer_id": customer.id, "opted_out": what.opted_out, "why": what.why})
