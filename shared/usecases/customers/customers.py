"""Customers: their profiles, and their conversations on all channels."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation
from shared.domain.customers import Customer, CustomValue, Identity
from shared.domain.ids import new_id
from shared.errors import BadRequest, NotFound
from shared.usecases import realtime
from shared.usecases.customers import customer_tags, opt_outs

MOST = 200
MOST_CUSTOM_FIELDS = 50
SUMMARY = 120
"""Characters of a summary."""

SHOWN_FIELDS = frozenset({"name", "phone"})
"""What addresses and open conversations show of a customer's profile."""

# A customer who was merged into another, who was merged into another, and so on.
_LONGEST_CHAIN = 20


def current(unit: UnitOfWork, tenant_id: str, customer_id: str) -> Customer:
    """The customer, or the one whom they were merged into; raises `NotFound` for an unknown or foreign one."""
    for _ in range(_LONGEST_CHAIN):
        customer = unit.customers.owned(tenant_id, customer_id)
        if not customer.merged_into:
            return customer
        customer_id = customer.merged_into
    raise NotFound("There is no such customer")


def get(deps: Deps, tenant_id: str, customer_id: str) -> Customer:
    """As `current`, to read only."""
    return current(UnitOfWork(deps.store), tenant_id, customer_id)


def former_ids(deps: Deps, customer_id: str) -> list[str]:
    """The ids of those who were merged into the customer, also by way of somebody else; about `MOST` of them."""
    customers = UnitOfWork(deps.store).customers
    ids = [customer_id]
    for target_id in ids:  # which grows meanwhile
        if len(ids) > MOST:
            break
        page = customers.query().where(lambda customer: customer.merged_into, "==", target_id).page(MOST)
        ids += [customer.id for customer in page.documents]
    return ids[1:]


def list_page(deps: Deps, tenant_id: str, limit: int, cursor: str | None) -> tuple[list[Customer], str | None]:
    """The tenant's customers, the newest first, without those merged into others."""
    query = UnitOfWork(deps.store).customers.query().where(lambda customer: customer.tenant_id, "==", tenant_id)
    query = query.where(lambda customer: customer.merged_into, "==", None)
    page = query.order_by(lambda customer: customer.created_at, descending=True).page(min(limit, MOST), cursor)
    return page.documents, page.cursor


def with_phone_or_email(deps: Deps, tenant_id: str, phone: str | None, email: str | None) -> list[Customer]:
    """The customers whose profile has a telephone number, with or without its `+`, or an e-mail address; both, if both
    are given. `MOST` of them at most.
    """
    query = UnitOfWork(deps.store).customers.query().where(lambda customer: customer.tenant_id, "==", tenant_id)
    query = query.where(lambda customer: customer.merged_into, "==", None)
    if phone is None:
        return query.where_in(lambda customer: customer.email, spellings_of_email(email or "")).page(MOST).documents
    matching = query.where_in(lambda customer: customer.phone, spellings_of_phone(phone)).page(MOST).documents
    return [each for each in matching if email is None or each.email in spellings_of_email(email)]


def spellings_of_phone(phone: str) -> list[str]:
    """As somebody wrote it, and its digits with and without a `+`; `00` in front means a `+`, too."""
    digits = "".join(character for character in phone if character.isdigit())
    digits = digits.removeprefix("00") or digits
    return list(dict.fromkeys([phone, f"+{digits}", digits]))


def spellings_of_email(email: str) -> list[str]:
    """As somebody wrote it, and in lower case."""
    return list(dict.fromkeys([email, email.lower()]))


def identities_of(deps: Deps, customer: Customer) -> list[Identity]:
    """The customer's addresses, the oldest first, `MOST` of them at most."""
    query = UnitOfWork(deps.store).identities.query()
    query = query.where(lambda identity: identity.customer_id, "==", customer.id)
    return query.order_by(lambda identity: identity.created_at).page(MOST).documents


def create(deps: Deps, tenant_id: str, fields: Mapping[str, Any]) -> Customer:
    """Add a customer, who has not written yet: sessions reach them by the phone number or e-mail of the profile."""
    now = deps.now()
    unit = UnitOfWork(deps.store)
    customer = unit.customers.add(Customer(**fields, id=new_id(), tenant_id=tenant_id, created_at=now, updated_at=now))
    customer_tags.index(unit, customer)
    realtime.customer_created(deps, unit, customer)
    unit.commit()
    unit.run_after_commit()
    return customer


def update(deps: Deps, tenant_id: str, customer_id: str, fields: Mapping[str, Any]) -> Customer:
    """Change fields of the profile; of `preferences` and `custom_fields` only those that are named.

    A custom field of None is removed.
    A changed name or phone number shows in the open conversations at once. Raises `NotFound`.
    """

    def attempt(unit: UnitOfWork) -> Customer:
        customer = current(unit, tenant_id, customer_id)
        former_tags = customer.tags
        changes = dict(fields)
        if "opt_outs" in changes:
            opt_outs.replace_all(unit, customer, changes.pop("opt_outs"))
        preferences = customer.preferences.model_dump() | dict(changes.get("preferences") or {})
        custom_fields = _merged_fields(customer.custom_fields, changes.get("custom_fields") or {})
        dependent = {"preferences": preferences, "custom_fields": custom_fields, "updated_at": deps.now()}
        unit.customers.change(customer, {**changes, **dependent})
        customer_tags.index(unit, customer, former_tags)
        show_profile(deps, unit, customer, changes.keys())
        realtime.customer_updated(deps, unit, customer)
        return customer

    return run_with_retry(deps, attempt)


def _merged_fields(former: Mapping[str, CustomValue], changes: Mapping[str, Any]) -> dict[str, CustomValue]:
    fields = {name: value for name, value in {**former, **changes}.items() if value is not None}
    if len(fields) > MOST_CUSTOM_FIELDS:
        raise BadRequest.of_field("custom_fields", f"a customer has {MOST_CUSTOM_FIELDS} of them at most")
    return fields


def show_profile(
    deps: Deps, unit: UnitOfWork, customer: Customer, changed_fields: Collection[str] = SHOWN_FIELDS
) -> None:
    """Bring a changed name or phone number into what the customer's addresses and open conversations show, and tell
    clients.

    Without a name of the business's own they show the provider's. The commit fails if a conversation begins at one of
    the addresses meanwhile.
    """
    fields = SHOWN_FIELDS.intersection(changed_fields)
    if not fields:
        return
    query = unit.identities.query().where(lambda identity: identity.customer_id, "==", customer.id)
    for identity in query.order_by(lambda identity: identity.created_at).tracked_page(MOST).documents:
        if identity.alias_of:
            continue
        unit.identities.expect_unchanged(identity)
        if "name" in fields:
            identity.known_as = customer.name
        if "phone" in fields:
            identity.phone = customer.phone
        if identity.conversation_id:
            shown_fields = {"name": identity.shown_name, "phone": identity.phone}
            changes = {f"customer_{field}": shown_fields[field] for field in fields}
            unit.conversations.patch(identity.conversation_id, **changes, updated_at=deps.now())
            realtime.open_conversation_updated(deps, unit, identity)


def history(
    deps: Deps, tenant_id: str, customer_id: str, limit: int, cursor: str | None
) -> tuple[list[Conversation], str | None]:
    """The customer's conversations on all channels, the newest first, each with its `summary`; raises `NotFound`."""
    unit = UnitOfWork(deps.store)
    customer = current(unit, tenant_id, customer_id)
    query = unit.conversations.query().where(lambda conversation: conversation.customer_id, "==", customer.id)
    query = query.where(lambda conversation: conversation.tenant_id, "==", tenant_id)
    query = query.order_by(lambda conversation: conversation.created_at, descending=True)
    page = query.page(min(limit, MOST), cursor)
    return [_with_summary(unit, conversation) for conversation in page.documents], page.cursor


def shortened(text: str | None) -> str | None:
    """A text as a summary: one line of up to 120 characters; None when there is nothing to read."""
    line = " ".join((text or "").split())
    return (line if len(line) <= SUMMARY else line[: SUMMARY - 1].rstrip() + "…") or None


def _with_summary(unit: UnitOfWork, conversation: Conversation) -> Conversation:
    """Only a conversation that did not begin with a customer's text costs a look at its latest message."""
    if conversation.summary is not None:
        return conversation
    query = unit.messages.query().where(lambda message: message.conversation_id, "==", conversation.id)
    query = query.order_by(lambda message: message.sent_at, descending=True)
    latest = query.order_by(lambda message: message.created_at, descending=True).first()
    return conversation.model_copy(update={"summary": shortened(latest.text) if latest else None})
