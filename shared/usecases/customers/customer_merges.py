"""Folding one customer into another, and taking it apart again.

A merge is begun in one commit: the source points at the customer, whose profile
takes up what it lacked; who of the two has opted out, has for both. Then the source's addresses are moved, each at the
version read, so that a message stored meanwhile decides again; when none is
left no new conversation can be the source's, and its conversations are moved.
Whoever dies in between, or does it again, goes on where it stopped. Messages
keep the customer they were stored with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from shared.deps import Deps
from shared.domain.customers import Customer
from shared.domain.ids import stable_id
from shared.domain.merges import CustomerMerge, MergeState
from shared.errors import BadRequest, Collision, NotFound, Unprocessable
from shared.ports.store import Document, Merge, Ref, Where, Write
from shared.usecases import refs
from shared.usecases.customers import customer_tags, customers
from shared.usecases.instances.instance_documents import commit, put
from shared.usecases.retrying import decide

MOST_IDENTITIES = 200
MOST_CONVERSATIONS = 5_000
"""A person with more of either cannot be merged: the request has to end."""

_BATCH = 50
_MOST_IN = 30
_PROFILE = ("name", "email", "phone")


def merge(deps: Deps, tenant_id: str, customer_id: str, source_id: str) -> CustomerMerge:
    """Fold the source into the customer. Doing it again changes nothing.

    Raises `NotFound`, `BadRequest` for one and the same customer, `Collision`
    when either is part of somebody else, and `Unprocessable` above 200
    addresses or 5000 conversations.
    """
    if customer_id == source_id:
        raise BadRequest.of_field("source_id", "is this customer; name another one")
    begun = decide(lambda: _begin(deps, tenant_id, customer_id, source_id))
    if begun.state is MergeState.MERGED:
        return begun
    while decide(lambda: _take_identities(deps, begun)):
        pass
    _move_conversations(deps, begun, [Where("customer_id", "==", source_id)], customer_id)
    _show_profile(deps, customer_id)
    return decide(lambda: _finish(deps, begun, MergeState.MERGED))


def unmerge(deps: Deps, tenant_id: str, customer_id: str, merge_id: str) -> CustomerMerge:
    """Undo a merge that either of the two was part of. Doing it again changes nothing.

    The source gets its addresses back and the conversations held on them, also
    those begun since; what the customer's profile got is taken out unless it
    was changed. Raises `NotFound`, and `Collision` when the customer was merged
    into another one since.
    """
    undone = decide(lambda: _begin_undoing(deps, tenant_id, customer_id, merge_id))
    if undone.state is MergeState.UNMERGED:
        return undone
    chunks = [undone.identity_ids[at : at + _MOST_IN] for at in range(0, len(undone.identity_ids), _MOST_IN)]
    for ids in chunks:
        while decide(partial(_give_identities_back, deps, undone, ids)):
            pass
    for ids in chunks:
        held = [Where("customer_id", "==", undone.customer_id), Where("identity_id", "in", ids)]
        _move_conversations(deps, undone, held, undone.source_id)
    _show_profile(deps, undone.source_id)
    _show_profile(deps, undone.customer_id)
    return decide(lambda: _finish(deps, undone, MergeState.UNMERGED))


def _show_profile(deps: Deps, customer_id: str) -> None:
    """All addresses and open sessions of a person have the name and the phone number of his profile."""
    ref = refs.customer(customer_id)

    def show() -> None:
        document = deps.store.get([ref]).get(ref)
        if document is None:
            return
        if writes := customers.shown(deps, document, {name: document.data.get(name) for name in ("name", "phone")}):
            deps.store.commit(writes)

    decide(show)


def _begin(deps: Deps, tenant_id: str, customer_id: str, source_id: str) -> CustomerMerge:
    ref = refs.customer_merge(stable_id("merge", customer_id, source_id))
    target, source = refs.customer(customer_id), refs.customer(source_id)
    found = deps.store.get([ref, target, source])
    customer, other = _owned(found.get(target), tenant_id), _owned(found.get(source), tenant_id)
    known = CustomerMerge.model_validate(found[ref].data) if ref in found else None
    if known and other.merged_into == customer_id and known.state in (MergeState.MERGING, MergeState.MERGED):
        return known
    if customer.merged_into or other.merged_into not in (None, customer_id):
        raise Collision("one of the two is part of another customer: merge with that one, or unmerge first")
    if known and known.state is MergeState.UNMERGING:
        raise Collision("these two are being unmerged: finish that first")
    _check_size(deps, source_id)
    begun = _record(deps, ref.id, customer, other)
    folded: list[Write] = [
        Merge(target, _filled(customer, other, begun) | {"updated_at": deps.now()}, found[target].version),
        Merge(source, {"merged_into": customer_id, "updated_at": deps.now()}, found[source].version),
        put(ref, found.get(ref), begun.model_dump()),
        *customer_tags.added(tenant_id, customer_id, begun.tags),
    ]
    commit(deps, folded)
    return begun


def _owned(document: Document | None, tenant_id: str) -> Customer:
    if document is None or document.data.get("tenant_id") != tenant_id:
        raise NotFound("there is no such customer")
    return Customer.model_validate(document.data)


def _check_size(deps: Deps, source_id: str) -> None:
    held = [Where("customer_id", "==", source_id)]
    if deps.store.count("identities", held) > MOST_IDENTITIES:
        raise Unprocessable(f"a customer with more than {MOST_IDENTITIES} addresses cannot be merged into another")
    if deps.store.count("conversations", held) > MOST_CONVERSATIONS:
        raise Unprocessable(f"a customer with more than {MOST_CONVERSATIONS} sessions cannot be merged into another")


def _record(deps: Deps, merge_id: str, customer: Customer, source: Customer) -> CustomerMerge:
    mine, theirs = customer.model_dump(), source.model_dump()
    liked, theirs_liked = mine["preferences"], theirs["preferences"]
    return CustomerMerge(
        id=merge_id,
        tenant_id=customer.tenant_id,
        customer_id=customer.id,
        source_id=source.id,
        filled={name: theirs[name] for name in _PROFILE if theirs[name] and not mine[name]},
        preferences={name: value for name, value in theirs_liked.items() if value and not liked.get(name)},
        tags=[tag for tag in source.tags if tag not in customer.tags],
        opted_out=customer.opted_out,
        created_at=deps.now(),
        updated_at=deps.now(),
    )


def _filled(customer: Customer, source: Customer, begun: CustomerMerge) -> dict[str, Any]:
    return {
        **begun.filled,
        "preferences": begun.preferences,
        "tags": [*customer.tags, *begun.tags],
        "opted_out": customer.opted_out or source.opted_out,
    }


def _take_identities(deps: Deps, begun: CustomerMerge) -> bool:
    """Move a batch and note which; returns whether there may be more."""
    document = _under_way(deps, begun)
    page = deps.store.find("identities", [Where("customer_id", "==", begun.source_id)], limit=_BATCH)
    if document is None or not page.documents:
        return False
    ids = dict.fromkeys([*document.data["identity_ids"], *(identity.id for identity in page.documents)])
    noted = Merge(document.ref, {"identity_ids": list(ids), "updated_at": deps.now()}, document.version)
    deps.store.commit([*_moved(page.documents, begun.customer_id), noted])
    return True


def _give_identities_back(deps: Deps, undone: CustomerMerge, ids: Sequence[str]) -> bool:
    """Move those with these ids, and other addresses of the same people that came to light since."""
    document = _under_way(deps, undone)
    known = deps.store.get([Ref("identities", identity_id) for identity_id in ids]).values()
    aliases = [Where("customer_id", "==", undone.customer_id), Where("alias_of", "in", list(ids))]
    page = deps.store.find("identities", aliases, limit=_BATCH)
    held = {each.ref: each for each in (*known, *page.documents) if each.data["customer_id"] == undone.customer_id}
    if document is None or not held:
        return False
    deps.store.commit([*_moved(held.values(), undone.source_id), _touched(deps, document)])
    return True


def _move_conversations(deps: Deps, merging: CustomerMerge, where: Sequence[Where], customer_id: str) -> None:
    def move() -> bool:
        document = _under_way(deps, merging)
        page = deps.store.find("conversations", where, limit=_BATCH)
        if document is None or not page.documents:
            return False
        deps.store.commit([*_moved(page.documents, customer_id), _touched(deps, document)])
        return True

    while decide(move):
        pass


def _moved(documents: Iterable[Document], customer_id: str) -> list[Write]:
    return [Merge(each.ref, {"customer_id": customer_id}, each.version) for each in documents]


def _touched(deps: Deps, document: Document) -> Write:
    """Its version keeps a batch from being moved after somebody else has ended this, or turned it round."""
    return Merge(document.ref, {"updated_at": deps.now()}, document.version)


def _under_way(deps: Deps, merging: CustomerMerge) -> Document | None:
    """The record, unless somebody else has brought it further."""
    ref = refs.customer_merge(merging.id)
    document = deps.store.get([ref]).get(ref)
    return document if document and document.data["state"] == merging.state.value else None


def _finish(deps: Deps, merging: CustomerMerge, state: MergeState) -> CustomerMerge:
    document = _under_way(deps, merging)
    if document is not None:
        deps.store.commit([Merge(document.ref, {"state": state.value, "updated_at": deps.now()}, document.version)])
    return merging.model_copy(update={"state": state})


def _begin_undoing(deps: Deps, tenant_id: str, customer_id: str, merge_id: str) -> CustomerMerge:
    ref = refs.customer_merge(merge_id)
    document = deps.store.get([ref]).get(ref)
    if document is None or document.data["tenant_id"] != tenant_id:
        raise NotFound("there is no such merge")
    known = CustomerMerge.model_validate(document.data)
    if customer_id not in (known.customer_id, known.source_id):
        raise NotFound("there is no such merge")
    if known.state is MergeState.MERGING:
        raise Collision("these two are still being merged: send the merge again to finish it")
    if known.state is not MergeState.MERGED:
        return known
    return _turn_round(deps, document, known)


def _turn_round(deps: Deps, document: Document, known: CustomerMerge) -> CustomerMerge:
    target, source = refs.customer(known.customer_id), refs.customer(known.source_id)
    found = deps.store.get([target, source])
    customer, other = _owned(found.get(target), known.tenant_id), _owned(found.get(source), known.tenant_id)
    if customer.merged_into or other.merged_into != customer.id:
        raise Collision("the customer was merged into another one since: undo that first")
    now, emptied = deps.now(), _emptied(customer, known)
    customer_opted_out, source_opted_out = _consents(customer, other, known)
    undone: list[Write] = [
        Merge(target, {**emptied, "opted_out": customer_opted_out, "updated_at": now}, found[target].version),
        *customer_tags.changed(found[target], emptied["tags"]),
        Merge(source, {"merged_into": None, "opted_out": source_opted_out, "updated_at": now}, found[source].version),
        Merge(document.ref, {"state": MergeState.UNMERGING.value, "updated_at": now}, document.version),
    ]
    deps.store.commit(undone)
    return known.model_copy(update={"state": MergeState.UNMERGING})


def _emptied(customer: Customer, known: CustomerMerge) -> dict[str, Any]:
    mine = customer.model_dump()
    liked = mine["preferences"]
    return {
        **{name: None for name, value in known.filled.items() if mine[name] == value},
        "preferences": {name: None for name, value in known.preferences.items() if liked.get(name) == value},
        "tags": [tag for tag in customer.tags if tag not in known.tags],
    }


def _consents(customer: Customer, source: Customer, record: CustomerMerge) -> tuple[bool, bool]:
    """Whether customer and source have opted out when they are two again; an opt-out since the merge holds for both."""
    at_merge = record.opted_out or source.opted_out
    if customer.opted_out == at_merge:
        return record.opted_out, source.opted_out
    return customer.opted_out, source.opted_out or customer.opted_out
