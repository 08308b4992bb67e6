"""Merging one customer into another, and undoing it.

A merge starts in one commit: the source points at the customer, whose profile
takes over what it lacks; who of the two has opted out, has for both. Then the
source's addresses are moved, each at the version read, so that a message stored
meanwhile is decided again; when none is left no new conversation can be the
source's, and its conversations are moved. After a crash in between, the same
request goes on where it stopped. Messages keep the customer they were stored with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from shared.deps import Deps
from shared.documents.query import Query
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation
from shared.domain.customers import Customer, Identity
from shared.domain.ids import stable_id
from shared.domain.merges import CustomerMerge, MergeState
from shared.errors import BadRequest, Collision, NotFound, Unprocessable
from shared.usecases import realtime
from shared.usecases.customers import customer_tags, customers

MOST_IDENTITIES = 200
MOST_CONVERSATIONS = 5_000
"""A customer with more of either cannot be merged: the request has to end."""

_BATCH = 50
_MOST_IN = 30

_NO_PROFILE = frozenset(
    {
        "id",
        "tenant_id",
        "preferences",
        "custom_fields",
        "tags",
        "opted_out",
        "opt_outs",
        "campaign_sent_at",
        "merged_into",
        "created_at",
        "updated_at",
    }
)


@dataclass(frozen=True, slots=True)
class MergePreview:
    """A merge that nobody has made: the customer afterwards, and how many addresses and conversations it would move."""

    merge: CustomerMerge
    customer: Customer
    identity_count: int
    conversation_count: int


def profile_fields(model: type[Customer]) -> list[str]:
    """The fields that a customer without them takes over from the source; what is left has rules of its own."""
    return [name for name in model.model_fields if name not in _NO_PROFILE]


def merge(deps: Deps, tenant_id: str, customer_id: str, source_id: str) -> CustomerMerge:
    """Merge the source into the customer. Doing it again changes nothing.

    Raises `NotFound`, `BadRequest` for one and the same customer, `Collision`
    when either is part of somebody else, and `Unprocessable` above 200
    addresses or 5000 conversations.
    """
    if customer_id == source_id:
        raise BadRequest.of_field("source_id", "is this customer; name another one")
    record = run_with_retry(deps, lambda unit: _start(deps, unit, tenant_id, customer_id, source_id))
    if record.state is MergeState.MERGED:
        return record
    while run_with_retry(deps, partial(_take_identities, deps, record)):
        pass
    _move_conversations(deps, record, lambda unit: _conversations_of(unit, source_id), customer_id)
    _show_profile(deps, customer_id)
    return run_with_retry(deps, lambda unit: _finish(deps, unit, record, MergeState.MERGED))


def preview(deps: Deps, tenant_id: str, customer_id: str, source_id: str) -> MergePreview:
    """What a merge would make of the customer; changes nothing. Raises as `merge` does."""
    if customer_id == source_id:
        raise BadRequest.of_field("source_id", "is this customer; name another one")
    unit = UnitOfWork(deps.store)
    record = _start(deps, unit, tenant_id, customer_id, source_id)  # which nobody commits
    return MergePreview(
        record,
        unit.customers.owned(tenant_id, customer_id),
        identity_count=_identities_of(unit, source_id).count(),
        conversation_count=_conversations_of(unit, source_id).count(),
    )


def list_page(
    deps: Deps, tenant_id: str, customer_id: str, limit: int, cursor: str | None
) -> tuple[list[CustomerMerge], str | None]:
    """The merges of others into the customer, the latest first; raises `NotFound`."""
    unit = UnitOfWork(deps.store)
    customer = customers.current(unit, tenant_id, customer_id)
    query = unit.customer_merges.query().where(lambda merge: merge.tenant_id, "==", tenant_id)
    query = query.where(lambda merge: merge.customer_id, "==", customer.id)
    page = query.order_by(lambda merge: merge.created_at, descending=True).page(min(limit, customers.MOST), cursor)
    return page.documents, page.cursor


def unmerge(deps: Deps, tenant_id: str, customer_id: str, merge_id: str) -> CustomerMerge:
    """Undo a merge that either of the two was part of. Doing it again changes nothing.

    The source gets its addresses back and the conversations on them, also those
    started since; what the customer's profile took over is removed unless it
    was changed. Raises `NotFound`, and `Collision` when the customer was merged
    into another one since.
    """
    record = run_with_retry(deps, lambda unit: _start_undoing(deps, unit, tenant_id, customer_id, merge_id))
    if record.state is MergeState.UNMERGED:
        return record
    chunks = [record.identity_ids[at : at + _MOST_IN] for at in range(0, len(record.identity_ids), _MOST_IN)]
    for identity_ids in chunks:
        while run_with_retry(deps, partial(_give_identities_back, deps, record, identity_ids)):
            pass
    for identity_ids in chunks:
        _move_conversations(deps, record, partial(_conversations_at, record, identity_ids), record.source_id)
    _show_profile(deps, record.source_id)
    _show_profile(deps, record.customer_id)
    return run_with_retry(deps, lambda unit: _finish(deps, unit, record, MergeState.UNMERGED))


def _show_profile(deps: Deps, customer_id: str) -> None:
    """All addresses and open conversations of a customer have the name and the phone number of the profile."""

    def attempt(unit: UnitOfWork) -> None:
        customer = unit.customers.of_any_tenant(customer_id)
        if customer is not None:
            customers.show_profile(deps, unit, customer)

    run_with_retry(deps, attempt)


def _start(deps: Deps, unit: UnitOfWork, tenant_id: str, customer_id: str, source_id: str) -> CustomerMerge:
    merge_id = stable_id("merge", customer_id, source_id)
    unit.fetch(unit.customer_merges.key(merge_id), unit.customers.key(customer_id), unit.customers.key(source_id))
    customer, source = unit.customers.owned(tenant_id, customer_id), unit.customers.owned(tenant_id, source_id)
    former = unit.customer_merges.owned_or_none(tenant_id, merge_id)
    if former and source.merged_into == customer_id and former.state in (MergeState.MERGING, MergeState.MERGED):
        return former
    if customer.merged_into or source.merged_into not in (None, customer_id):
        raise Collision("one of the two is part of another customer: merge with that one, or unmerge first")
    if former and former.state is MergeState.UNMERGING:
        raise Collision("these two are being unmerged: finish that first")
    _check_size(unit, source_id)
    record = unit.customer_merges.put(_record(deps, merge_id, customer, source))
    _fill_profile(deps, unit, customer, source, record)
    source.merged_into, source.updated_at = customer_id, deps.now()
    realtime.customer_updated(deps, unit, source)
    return record


def _check_size(unit: UnitOfWork, source_id: str) -> None:
    if _identities_of(unit, source_id).count() > MOST_IDENTITIES:
        raise Unprocessable(f"a customer with more than {MOST_IDENTITIES} addresses cannot be merged into another")
    if _conversations_of(unit, source_id).count() > MOST_CONVERSATIONS:
        raise Unprocessable(f"a customer with more than {MOST_CONVERSATIONS} sessions cannot be merged into another")


def _record(deps: Deps, merge_id: str, customer: Customer, source: Customer) -> CustomerMerge:
    fields, source_fields = customer.model_dump(), source.model_dump()
    preferences, source_preferences = fields["preferences"], source_fields["preferences"]
    missing = [name for name in profile_fields(Customer) if source_fields[name] and not fields[name]]
    return CustomerMerge(
        id=merge_id,
        tenant_id=customer.tenant_id,
        customer_id=customer.id,
        source_id=source.id,
        filled={name: source_fields[name] for name in missing},
        preferences={name: value for name, value in source_preferences.items() if value and not preferences.get(name)},
        custom_fields={
            name: value for name, value in source.custom_fields.items() if name not in customer.custom_fields
        },
        tags=[tag for tag in source.tags if tag not in customer.tags],
        opted_out=customer.opted_out,
        opt_outs=[each for each in source.opt_outs if each not in customer.opt_outs],
        created_at=deps.now(),
        updated_at=deps.now(),
    )


def _fill_profile(deps: Deps, unit: UnitOfWork, customer: Customer, source: Customer, record: CustomerMerge) -> None:
    former_tags = customer.tags
    changes = {
        **record.filled,
        "preferences": customer.preferences.model_dump() | record.preferences,
        "custom_fields": customer.custom_fields | record.custom_fields,
        "tags": [*former_tags, *record.tags],
        "opted_out": customer.opted_out or source.opted_out,
        "opt_outs": [*customer.opt_outs, *record.opt_outs],
        "campaign_sent_at": sorted([*customer.campaign_sent_at, *source.campaign_sent_at]),
        "updated_at": deps.now(),
    }
    unit.customers.change(customer, changes)
    unit.customers.expect_unchanged(customer)
    customer_tags.index(unit, customer, former_tags)
    realtime.customer_updated(deps, unit, customer)


def _take_identities(deps: Deps, record: CustomerMerge, unit: UnitOfWork) -> bool:
    """Move a batch and note which; returns whether there may be more."""
    current = _under_way(unit, record)
    identities = _identities_of(unit, record.source_id).tracked_page(_BATCH).documents
    if current is None or not identities:
        return False
    moved_ids = [identity.id for identity in identities]
    current.identity_ids = list(dict.fromkeys([*current.identity_ids, *moved_ids]))
    _touch(deps, unit, current)
    _move(identities, record.customer_id)
    return True


def _give_identities_back(deps: Deps, record: CustomerMerge, identity_ids: Sequence[str], unit: UnitOfWork) -> bool:
    """Move those with these ids, and other addresses of the same people that came to light since."""
    current = _under_way(unit, record)
    identities = unit.identities.owned_many(record.tenant_id, identity_ids)
    query = unit.identities.query().where(lambda identity: identity.customer_id, "==", record.customer_id)
    aliases = query.where_in(lambda identity: identity.alias_of, identity_ids).tracked_page(_BATCH).documents
    to_move = [identity for identity in (*identities, *aliases) if identity.customer_id == record.customer_id]
    if current is None or not to_move:
        return False
    _move(to_move, record.source_id)
    _touch(deps, unit, current)
    return True


def _identities_of(unit: UnitOfWork, customer_id: str) -> Query[Identity]:
    return unit.identities.query().where(lambda identity: identity.customer_id, "==", customer_id)


def _conversations_of(unit: UnitOfWork, customer_id: str) -> Query[Conversation]:
    return unit.conversations.query().where(lambda conversation: conversation.customer_id, "==", customer_id)


def _conversations_at(record: CustomerMerge, identity_ids: Sequence[str], unit: UnitOfWork) -> Query[Conversation]:
    """The customer's conversations at some of the addresses."""
    query = _conversations_of(unit, record.customer_id)
    return query.where_in(lambda conversation: conversation.identity_id, identity_ids)


def _move_conversations(
    deps: Deps, record: CustomerMerge, query: Callable[[UnitOfWork], Query[Conversation]], customer_id: str
) -> None:
    def attempt(unit: UnitOfWork) -> bool:
        current = _under_way(unit, record)
        conversations = query(unit).tracked_page(_BATCH).documents
        if current is None or not conversations:
            return False
        _move(conversations, customer_id)
        _touch(deps, unit, current)
        return True

    while run_with_retry(deps, attempt):
        pass


def _move(documents: Iterable[Identity | Conversation], customer_id: str) -> None:
    for document in documents:
        document.customer_id = customer_id


def _touch(deps: Deps, unit: UnitOfWork, current: CustomerMerge) -> None:
    """Its version keeps a batch from being moved after somebody else has ended the merge, or has started to undo it."""
    current.updated_at = deps.now()
    unit.customer_merges.expect_unchanged(current)


def _under_way(unit: UnitOfWork, record: CustomerMerge) -> CustomerMerge | None:
    """The record, unless somebody else has brought it further."""
    current = unit.customer_merges.owned_or_none(record.tenant_id, record.id)
    return current if current is not None and current.state is record.state else None


def _finish(deps: Deps, unit: UnitOfWork, record: CustomerMerge, state: MergeState) -> CustomerMerge:
    current = _under_way(unit, record)
    if current is not None:
        current.state, current.updated_at = state, deps.now()
    return record.model_copy(update={"state": state})


def _start_undoing(deps: Deps, unit: UnitOfWork, tenant_id: str, customer_id: str, merge_id: str) -> CustomerMerge:
    record = unit.customer_merges.owned(tenant_id, merge_id)
    if customer_id not in (record.customer_id, record.source_id):
        raise NotFound("There is no such merge")
    if record.state is MergeState.MERGING:
        raise Collision("these two are still being merged: send the merge again to finish it")
    if record.state is MergeState.MERGED:
        _separate(deps, unit, record)
    return record


def _separate(deps: Deps, unit: UnitOfWork, record: CustomerMerge) -> None:
    """Make two customers of the one, each with a profile of their own."""
    unit.fetch(unit.customers.key(record.customer_id), unit.customers.key(record.source_id))
    customer = unit.customers.owned(record.tenant_id, record.customer_id)
    source = unit.customers.owned(record.tenant_id, record.source_id)
    if customer.merged_into or source.merged_into != customer.id:
        raise Collision("the customer was merged into another one since: undo that first")
    now, former_tags = deps.now(), customer.tags
    customer_opted_out, source_opted_out = _consents(customer, source, record)
    unit.customers.change(customer, _emptied(customer, record) | {"opted_out": customer_opted_out, "updated_at": now})
    unit.customers.expect_unchanged(customer)
    customer_tags.index(unit, customer, former_tags)
    source.merged_into, source.opted_out, source.updated_at = None, source_opted_out, now
    _part_opt_outs(customer, source, record)
    realtime.customer_updated(deps, unit, customer)
    realtime.customer_updated(deps, unit, source)
    record.state, record.updated_at = MergeState.UNMERGING, now


def _emptied(customer: Customer, record: CustomerMerge) -> dict[str, Any]:
    """The customer's profile without what it took over and still has."""
    fields = customer.model_dump()
    preferences = fields["preferences"]
    taken_over = {name for name, value in record.preferences.items() if preferences.get(name) == value}
    return {
        **{name: None for name, value in record.filled.items() if fields[name] == value},
        "preferences": {name: None if name in taken_over else value for name, value in preferences.items()},
        "custom_fields": {
            name: value for name, value in customer.custom_fields.items() if record.custom_fields.get(name) != value
        },
        "tags": [tag for tag in customer.tags if tag not in record.tags],
    }


def _part_opt_outs(customer: Customer, source: Customer, record: CustomerMerge) -> None:
    """Give each the ledger they had, without what was taken back since; an opt-out since the merge holds for both."""
    source.opt_outs = [each for each in customer.opt_outs if each in source.opt_outs or each.at > record.created_at]
    customer.opt_outs = [each for each in customer.opt_outs if each not in record.opt_outs]


def _consents(customer: Customer, source: Customer, record: CustomerMerge) -> tuple[bool, bool]:
    """Whether customer and source have opted out when they are two again; an opt-out since the merge holds for both."""
    at_merge = record.opted_out or source.opted_out
    if customer.opted_out == at_merge:
        return record.opted_out, source.opted_out
    return customer.opted_out, source.opted_out or customer.opted_out
