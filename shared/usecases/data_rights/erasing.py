"""Erasing a customer: whoever orders it removes the customer, and the sweep works off the rest, batch by batch.

Each batch is a commit with what was erased and how far the erasure has come, so that it goes on after a crash. When
all steps are done, another round looks for what was written meanwhile, until a round finds nothing. What remains is
the report, and under the providers' ids of messages a mark without content: a replay, or a provider that sends again,
brings nothing back. Who writes from the same address later is a new customer.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from shared.deps import Deps
from shared.documents.query import DocumentUnit
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Principal
from shared.domain.erasures import Erasure, ErasureState, ErasureWork, confirmation_of
from shared.domain.ids import new_id
from shared.errors import BadRequest, Conflict, Overloaded
from shared.security.tokens import Ed25519Key
from shared.usecases import realtime
from shared.usecases.accounts import credentials
from shared.usecases.customers import customers
from shared.usecases.data_rights import erasure_steps

log = logging.getLogger(__name__)

MOST = 100
"""Erasures of a page."""

_MOST_AT_ONCE = 20
_MOST_BATCHES = 200
_LONGEST = timedelta(seconds=20)
"""Erasures that a sweep looks at, batches of each, and for how long altogether: a sweep ends within its minute."""

_LEASE = timedelta(minutes=5)
"""After which an erasure whose process has died is gone on with."""

_BETWEEN_ROUNDS = timedelta(minutes=1)
"""In which whoever was at work with something of the customer has written it down."""

_MOST_ROUNDS = 10


def order(deps: Deps, caller: Principal, customer_id: str, confirmation: str) -> Erasure:
    """Have a customer erased, with all who were merged into them.

    Raises `NotFound`, and `BadRequest` unless the confirmation is the customer's name, or without one what
    `confirmation_of` says.
    """
    return run_with_retry(deps, partial(_order, deps, caller, customer_id, confirmation))


def _order(deps: Deps, caller: Principal, customer_id: str, confirmation: str, unit: UnitOfWork) -> Erasure:
    customer = customers.current(unit, caller.tenant_id, customer_id)
    expected = confirmation_of(customer)
    if " ".join(confirmation.split()).casefold() != " ".join(expected.split()).casefold():
        raise BadRequest.of_field("confirmation", f"is not the customer's: type {expected}")
    now = deps.now()
    work = ErasureWork(customer_ids=[customer.id])
    work.note_contacts(customer.phone, customer.email)
    erasure = Erasure(
        id=new_id(),
        tenant_id=caller.tenant_id,
        customer_id=customer.id,
        requested_by=caller.actor_id,
        requested_by_name=caller.name or caller.email,
        work=work,
        due_at=now,
        created_at=now,
    )
    erasure.count("customers", 1, now)
    unit.customers.expect_unchanged(customer)
    unit.customers.remove(customer.id)
    return unit.erasures.add(erasure)


def get(deps: Deps, tenant_id: str, erasure_id: str) -> Erasure:
    """Raises `NotFound`."""
    return UnitOfWork(deps.store).erasures.owned(tenant_id, erasure_id)


def list_page(deps: Deps, tenant_id: str, limit: int, cursor: str | None) -> tuple[list[Erasure], str | None]:
    """The erasures of a tenant, the latest first."""
    query = UnitOfWork(deps.store).erasures.query().where(lambda erasure: erasure.tenant_id, "==", tenant_id)
    page = query.order_by(lambda erasure: erasure.created_at, descending=True).page(min(limit, MOST), cursor)
    return page.documents, page.cursor


def signature(deps: Deps, report: Mapping[str, Any]) -> str:
    """The HMAC-SHA256, in hex, of a report's JSON; the key is made of the one that signs access tokens."""
    key = credentials.access_key(deps)
    secret = key.raw if isinstance(key, Ed25519Key) else key
    own_key = hmac.new(secret.encode(), b"reports of erasures", hashlib.sha256).digest()
    text = json.dumps(report, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(own_key, text.encode(), hashlib.sha256).hexdigest()


def work_off(deps: Deps) -> int:
    """Go on with the erasures that are due, for some seconds; returns how many."""
    query = UnitOfWork(deps.store).erasures.query().where(lambda erasure: erasure.due_at, "<=", deps.now())
    page = query.order_by(lambda erasure: erasure.due_at).unit_page(_MOST_AT_ONCE)
    until = deps.now() + _LONGEST
    count = 0
    for document in page.documents:
        if document.is_readable and deps.now() < until and _claim(deps, document):
            count += 1
            _go_on(deps, document.read(), until)
    return count


def _claim(deps: Deps, document: DocumentUnit[Erasure]) -> bool:
    document.read().due_at = deps.now() + _LEASE
    try:
        document.unit.commit()
    except Conflict:
        return False
    return True


def _go_on(deps: Deps, erasure: Erasure, until: datetime) -> None:
    for _ in range(_MOST_BATCHES):
        try:
            is_over = run_with_retry(deps, partial(_advance, deps, erasure))
        except Overloaded as error:  # what is being sent, or deleted, at this moment
            log.info("an erasure waits", extra={"erasure_id": erasure.id, "why": error.detail})
            break
        if is_over:
            return
        if deps.now() >= until:
            break
    run_with_retry(deps, partial(_put_off, deps, erasure))


def _put_off(deps: Deps, order: Erasure, unit: UnitOfWork) -> None:
    """Have the next sweep go on."""
    unit.erasures.owned(order.tenant_id, order.id).due_at = deps.now()


def _advance(deps: Deps, order: Erasure, unit: UnitOfWork) -> bool:
    """Erase one batch; returns whether nothing is left to do now."""
    erasure = unit.erasures.owned(order.tenant_id, order.id)
    if erasure.state is ErasureState.FINISHED:
        return True
    if erasure.work is None:
        _finish(deps, unit, erasure)
        return True
    batch = erasure_steps.take(deps, unit, erasure, erasure.work)
    erasure.count(batch.place, batch.count, deps.now())
    erasure.work.has_erased = erasure.work.has_erased or batch.count > 0
    if not batch.is_last_of_all:
        return False
    return _end_round(deps, erasure, erasure.work)


def _end_round(deps: Deps, erasure: Erasure, work: ErasureWork) -> bool:
    """All steps were taken: look once more a minute later, unless there was nothing any more."""
    if work.has_erased and work.round < _MOST_ROUNDS:
        work.round, work.has_erased, work.step, work.position, work.cursor = work.round + 1, False, None, 0, None
        erasure.due_at = deps.now() + _BETWEEN_ROUNDS
        return True
    erasure.work = None
    return False


def _finish(deps: Deps, unit: UnitOfWork, erasure: Erasure) -> None:
    """Write over what was deleted, also what the erasure itself had to know, and tell that the customer is gone."""
    unit.scrub_store()
    erasure.state, erasure.finished_at, erasure.due_at = ErasureState.FINISHED, deps.now(), None
    realtime.customer_erased(deps, unit, erasure)
