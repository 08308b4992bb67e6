"""Importing customers from a file: who is there already is changed, and a second import of the same changes nothing.

A row is about the customer whose telephone number or e-mail address it names. A customer who is new gets an id made of
these, so that two imports at once make one customer of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.customers import Customer
from shared.domain.ids import stable_id
from shared.usecases import realtime
from shared.usecases.customers import customer_tags, customers

_BATCH = 10
"""Rows in one commit; a query takes three spellings of each number."""


@dataclass(frozen=True, slots=True)
class Imported:
    """How many customers an import made, changed, and left as they were."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: Imported) -> Imported:
        return Imported(self.created + other.created, self.changed + other.changed, self.unchanged + other.unchanged)


def import_rows(deps: Deps, tenant_id: str, rows: Sequence[Mapping[str, Any]]) -> Imported:
    """Take rows in: fields of profiles, each with a `phone` or an `email`. Tags and custom fields are only added."""
    total = Imported()
    for batch in _batches(rows):
        total += run_with_retry(deps, partial(_take, deps, tenant_id, batch))
    return total


def _batches(rows: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, _BATCH)):
        yield batch


def _take(deps: Deps, tenant_id: str, rows: Sequence[Mapping[str, Any]], unit: UnitOfWork) -> Imported:
    by_address = _existing(unit, tenant_id, rows)
    unit.fetch(*(unit.customers.key(_new_id(tenant_id, row)) for row in rows))
    total = Imported()
    for row in rows:
        customer = next((by_address[each] for each in _addresses(row) if each in by_address), None)
        customer = customer or _imported_before(unit, tenant_id, row)
        if customer is None:
            customer = _add(deps, unit, tenant_id, row)
            total += Imported(created=1)
        elif _change(deps, unit, customer, row):
            total += Imported(changed=1)
        else:
            total += Imported(unchanged=1)
        by_address |= dict.fromkeys(_addresses(row), customer)
    return total


def _addresses(row: Mapping[str, Any]) -> list[str]:
    """Everything under which the row's customer may be stored."""
    phone, email = row.get("phone"), row.get("email")
    spellings = customers.spellings_of_phone(phone) if phone else []
    return [*spellings, *(customers.spellings_of_email(email) if email else [])]


def _existing(unit: UnitOfWork, tenant_id: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Customer]:
    """The customers whom the rows are about, by number and address."""
    query = unit.customers.query().where(lambda customer: customer.tenant_id, "==", tenant_id)
    query = query.where(lambda customer: customer.merged_into, "==", None)
    phones = [each for row in rows if row.get("phone") for each in customers.spellings_of_phone(row["phone"])]
    emails = [each for row in rows if row.get("email") for each in customers.spellings_of_email(row["email"])]
    matching = query.where_in(lambda customer: customer.phone, list(dict.fromkeys(phones))).tracked_page().documents
    matching += query.where_in(lambda customer: customer.email, list(dict.fromkeys(emails))).tracked_page().documents
    by_address: dict[str, Customer] = {}
    for customer in matching:
        for address in _addresses(customer.model_dump(include={"phone", "email"})):
            by_address.setdefault(address, customer)
    return by_address


def _new_id(tenant_id: str, row: Mapping[str, Any]) -> str:
    return stable_id("import", tenant_id, _addresses(row)[-1])


def _imported_before(unit: UnitOfWork, tenant_id: str, row: Mapping[str, Any]) -> Customer | None:
    """The customer of an earlier import, whose number or address somebody has changed, or who was merged since."""
    customer = unit.customers.owned_or_none(tenant_id, _new_id(tenant_id, row))
    return customers.current(unit, tenant_id, customer.id) if customer is not None else None


def _add(deps: Deps, unit: UnitOfWork, tenant_id: str, row: Mapping[str, Any]) -> Customer:
    now = deps.now()
    customer = unit.customers.add(
        Customer(**row, id=_new_id(tenant_id, row), tenant_id=tenant_id, created_at=now, updated_at=now)
    )
    customer_tags.index(unit, customer)
    realtime.customer_created(deps, unit, customer)
    return customer


def _change(deps: Deps, unit: UnitOfWork, customer: Customer, row: Mapping[str, Any]) -> bool:
    """Returns whether the row says anything new."""
    former = customer.model_dump()
    fields = {name: value for name, value in row.items() if value not in (None, [], {})}
    fields["tags"] = list(dict.fromkeys([*customer.tags, *row.get("tags", ())]))
    fields["custom_fields"] = customer.custom_fields | row.get("custom_fields", {})
    fields["preferences"] = former["preferences"] | row.get("preferences", {})
    changes = {name: value for name, value in fields.items() if former[name] != value}
    if not changes:
        return False
    unit.customers.change(customer, {**changes, "updated_at": deps.now()})
    customer_tags.index(unit, customer, former["tags"])
    customers.show_profile(deps, unit, customer, changes.keys())
    realtime.customer_updated(deps, unit, customer)
    return True
