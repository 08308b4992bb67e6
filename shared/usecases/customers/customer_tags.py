"""An index of customers by tag: a document for each tag of each customer, written in the commit that changes them."""

from __future__ import annotations

from collections.abc import Sequence

from shared.deps import Deps
from shared.documents import ids
from shared.documents.query import Query
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.customers import Customer, CustomerTag


def index(unit: UnitOfWork, customer: Customer, former_tags: Sequence[str] = ()) -> None:
    """Have the index say what the customer's tags say; `former_tags` are those that it says now."""
    tenant_id = customer.tenant_id
    for tag in set(former_tags) - set(customer.tags):
        unit.customer_tags.remove(ids.customer_tag(tenant_id, tag, customer.id))
    for tag in customer.tags:
        if tag not in former_tags:
            entry = CustomerTag(tenant_id=tenant_id, tag=tag, customer_id=customer.id)
            unit.customer_tags.put(entry, ids.customer_tag(tenant_id, tag, customer.id))


def count(deps: Deps, tenant_id: str, tag: str) -> int:
    """How many customers have the tag."""
    return _tagged(deps, tenant_id, tag).count()


def page(deps: Deps, tenant_id: str, tag: str, limit: int, cursor: str | None) -> tuple[list[str], str | None]:
    """The ids of some customers with the tag, in no particular order, and the cursor of the next."""
    entries = _tagged(deps, tenant_id, tag).page(limit, cursor)
    return [entry.customer_id for entry in entries.documents], entries.cursor


def _tagged(deps: Deps, tenant_id: str, tag: str) -> Query[CustomerTag]:
    query = UnitOfWork(deps.store).customer_tags.query().where(lambda entry: entry.tenant_id, "==", tenant_id)
    return query.where(lambda entry: entry.tag, "==", tag)
