"""Customers: who they are, and what was spoken with them on any channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.deps import Deps
from shared.domain.conversations import Conversation
from shared.domain.customers import Customer, Identity
from shared.errors import NotFound
from shared.ports.store import Document, Merge, Order, Where, Write
from shared.usecases import refs
from shared.usecases.customers import customer_tags
from shared.usecases.retrying import decide

MOST = 200
SUMMARY = 120
"""Characters of a summary."""

# A person who was merged into another, who was merged into another, and so on.
_LONGEST_CHAIN = 20

_OF_IDENTITY = {"known_as": "name", "phone": "phone"}
"""What an address tells of its customer, and where his profile has it."""


def read(deps: Deps, tenant_id: str, customer_id: str) -> Document:
    """The customer's document, or that of the person whom he was merged into; raises `NotFound`."""
    for _ in range(_LONGEST_CHAIN):
        ref = refs.customer(customer_id)
        document = deps.store.get([ref]).get(ref)
        if document is None or document.data.get("tenant_id") != tenant_id:
            break
        if not document.data.get("merged_into"):
            return document
        customer_id = str(document.data["merged_into"])
    raise NotFound("there is no such customer")


def get(deps: Deps, tenant_id: str, customer_id: str) -> Customer:
    """Raises `NotFound` for an unknown or foreign one."""
    return Customer.model_validate(read(deps, tenant_id, customer_id).data)


def former_ids(deps: Deps, customer_id: str) -> list[str]:
    """The ids of those who were merged into the customer, also by way of somebody else; about `MOST` of them."""
    ids = [customer_id]
    for each in ids:  # which grows meanwhile
        if len(ids) > MOST:
            break
        page = deps.store.find("customers", [Where("merged_into", "==", each)], limit=MOST)
        ids += [document.id for document in page.documents]
    return ids[1:]


def list_page(deps: Deps, tenant_id: str, limit: int, cursor: str | None) -> tuple[list[Customer], str | None]:
    """The tenant's customers, the newest first, without those merged into others."""
    where = [Where("tenant_id", "==", tenant_id), Where("merged_into", "==", None)]
    page = deps.store.find("customers", where, [Order("created_at", descending=True)], min(limit, MOST), cursor)
    return [Customer.model_validate(document.data) for document in page.documents], page.cursor


def update(deps: Deps, tenant_id: str, customer_id: str, changes: Mapping[str, Any]) -> Customer:
    """Write the given fields over the profile; of `preferences` too only what is given changes.

    A changed name or phone number shows in the open sessions at once. Raises `NotFound`.
    """

    def attempt() -> Customer:
        document = read(deps, tenant_id, customer_id)
        known = document.data["preferences"]
        preferences = known | dict(changes.get("preferences") or {})
        fields = {**changes, "preferences": preferences, "updated_at": deps.now()}
        writes: list[Write] = [Merge(document.ref, fields, document.version), *shown(deps, document, changes)]
        writes += customer_tags.changed(document, changes.get("tags"))
        deps.store.commit(writes)
        return Customer.model_validate(document.data | fields)

    return decide(attempt)


def shown(deps: Deps, customer: Document, changes: Mapping[str, Any]) -> list[Write]:
    """What brings a changed name or phone number into what the customer's addresses and open sessions show of him.

    Without a name of the business's own they show the provider's. Call it inside
    `decide`: an address of which a session begins meanwhile has another version.
    """
    of_identity = {field: changes[name] for field, name in _OF_IDENTITY.items() if name in changes}
    if not of_identity:
        return []
    writes: list[Write] = []
    where = [Where("customer_id", "==", customer.id)]
    for document in deps.store.find("identities", where, [Order("created_at")], limit=MOST).documents:
        if document.data.get("alias_of"):
            continue
        writes.append(Merge(document.ref, of_identity, document.version))
        identity = Identity.model_validate(document.data | of_identity)
        if identity.conversation_id:
            told = {"name": identity.shown_name, "phone": identity.phone}
            in_session = {f"customer_{name}": value for name, value in told.items() if name in changes}
            writes.append(Merge(refs.conversation(identity.conversation_id), in_session))
    return writes


def history(
    deps: Deps, tenant_id: str, customer_id: str, limit: int, cursor: str | None
) -> tuple[list[Conversation], str | None]:
    """The customer's conversations on all channels, the newest first, each with its `summary`; raises `NotFound`."""
    customer = read(deps, tenant_id, customer_id)
    where = [Where("customer_id", "==", customer.id), Where("tenant_id", "==", tenant_id)]
    page = deps.store.find("conversations", where, [Order("created_at", descending=True)], min(limit, MOST), cursor)
    found = [Conversation.model_validate(document.data) for document in page.documents]
    return [_summarised(deps, conversation) for conversation in found], page.cursor


def shortened(text: str | None) -> str | None:
    """A text as a summary: one line of up to 120 characters; None when there is nothing to read."""
    line = " ".join((text or "").split())
    return (line if len(line) <= SUMMARY else line[: SUMMARY - 1].rstrip() + "…") or None


def _summarised(deps: Deps, conversation: Conversation) -> Conversation:
    """Only a conversation that did not begin with a customer's text costs a look at its latest message."""
    if conversation.summary is not None:
        return conversation
    where = [Where("conversation_id", "==", conversation.id)]
    order = [Order("sent_at", descending=True), Order("created_at", descending=True)]
    latest = deps.store.find("messages", where, order, limit=1).documents
    text = shortened(latest[0].data.get("text")) if latest else None
    return conversation.model_copy(update={"summary": text})
