"""The audit log of a tenant: reading it, appending what was written to the chain, and checking the chain.

An entry is written in the commit of what it tells of (`shared/documents/auditing.py`), without a place in the chain: a
counter that each commit raises would have all writers of a tenant wait for one another. The sweep appends what is new,
oldest first, with the chain's own document in the same commit, so that of two sweeps one begins anew.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.deps import Deps
from shared.documents import auditing
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.audit import NOBODYS, SIGN_IN_FAILED, START, AuditChain, AuditEntry
from shared.domain.authors import ActorKind, Author
from shared.errors import Conflict, StoreError

log = logging.getLogger(__name__)

MOST = 200
"""Entries of a page."""

MOST_CHECKED = 1000
"""Entries that one call of `verify` checks."""

_BATCH = 100
"""Entries that are appended with one commit."""

_MOST_BATCHES = 25

_WAITING_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a chain: after `number` entries, of which the last has this hash."""

    number: int = 0
    hash: str = START


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are wanted: of whom, about what (a collection), and between which times."""

    actor_id: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the entries after a place are as they were written, as far as they were checked.

    `problem` says what is not, None where all is well. `place` is up to where it is well: checking goes on there, and
    whoever keeps it elsewhere notices later if the whole chain was written anew. `is_complete` says that nothing is
    left to be checked, and `waiting` how many entries have no place in the chain yet, counted up to 1000.
    """

    place: Place
    problem: str | None
    is_complete: bool
    waiting: int


def sign_in_failed(deps: Deps, unit: UnitOfWork, tenant_id: str | None, user_id: str | None, address: str) -> None:
    """Note a wrong password with the unit's commit; without a tenant nobody has the e-mail address."""
    author = Author(ActorKind.OPEN, SIGN_IN_FAILED, deps.now, id=user_id, address=address)
    unit.audit_entries.add(auditing.new_entry(author, tenant_id or NOBODYS, SIGN_IN_FAILED))


def list_page(
    deps: Deps, tenant_id: str, only: Filter, limit: int, cursor: str | None
) -> tuple[list[AuditEntry], str | None]:
    """One page of the tenant's entries, the latest first, and the cursor of the next. Malformed ones are left out."""
    query = UnitOfWork(deps.store).audit_entries.query().where(lambda entry: entry.tenant_id, "==", tenant_id)
    if only.actor_id is not None:
        query = query.where(lambda entry: entry.actor_id, "==", only.actor_id)
    if only.subject is not None:
        query = query.where(lambda entry: entry.subject, "==", only.subject)
    if only.since is not None:
        query = query.where(lambda entry: entry.at, ">=", only.since)
    if only.until is not None:
        query = query.where(lambda entry: entry.at, "<", only.until)
    page = query.order_by(lambda entry: entry.at, descending=True).unit_page(min(limit, MOST), cursor)
    return [document.read() for document in page.documents if document.is_readable], page.cursor


def export(deps: Deps, tenant_id: str, after: int, limit: int) -> list[AuditEntry]:
    """The entries of the chain after a number, in their order. Malformed ones are left out; `verify` tells of them."""
    return [entry for entry in _chained(deps, tenant_id, after, limit) if entry is not None]


def _chained(deps: Deps, tenant_id: str, after: int, limit: int) -> list[AuditEntry | None]:
    """The entries of the chain after a number, in their order; None for one that is malformed."""
    query = UnitOfWork(deps.store).audit_entries.query().where(lambda entry: entry.tenant_id, "==", tenant_id)
    query = query.where(lambda entry: entry.number, ">", after).order_by(lambda entry: entry.number)
    page = query.unit_page(limit)
    return [document.read() if document.is_readable else None for document in page.documents]


def verify(deps: Deps, tenant_id: str, start: Place, limit: int = MOST_CHECKED) -> Verdict:
    """Check the entries after a place; `start` is the beginning, or the place of an earlier verdict."""
    chain = UnitOfWork(deps.store).audit_chains.get(tenant_id) or AuditChain(tenant_id=tenant_id)
    entries = _chained(deps, tenant_id, start.number, limit)
    if start.number:
        first = next(iter(_chained(deps, tenant_id, start.number - 1, 1)), None)
        if first is None or first.number != start.number or first.expected_hash() != start.hash:
            return _verdict(deps, start, f"entry {start.number} is not what it was", True, tenant_id)
    place, problem = _checked(entries, start)
    has_all = problem is None and len(entries) < limit
    if has_all or place.number >= chain.count:
        problem = problem or _end_problem(chain, place)
    is_complete = problem is not None or has_all or place.number >= chain.count
    return _verdict(deps, place, problem, is_complete, tenant_id)


def _verdict(deps: Deps, place: Place, problem: str | None, is_complete: bool, tenant_id: str) -> Verdict:
    query = UnitOfWork(deps.store).audit_entries.query().where(lambda entry: entry.tenant_id, "==", tenant_id)
    waiting = query.where(lambda entry: entry.is_chained, "==", False).count(up_to=_WAITING_COUNTED)
    return Verdict(place, problem, is_complete, waiting)


def _checked(entries: Iterable[AuditEntry | None], place: Place) -> tuple[Place, str | None]:
    for entry in entries:
        expected = place.number + 1
        if entry is None:
            return place, f"entry {expected} was changed"
        if entry.number != expected:
            return place, f"entry {expected} is missing"
        if entry.hash != entry.expected_hash():
            return place, f"entry {expected} was changed"
        if entry.previous != place.hash:
            return place, f"entry {expected} does not follow the one before it"
        place = Place(expected, entry.hash)
    return place, None


def _end_problem(chain: AuditChain, place: Place) -> str | None:
    """What is wrong with the end: the chain's own document has its length and last hash."""
    if place.number < chain.count:
        return f"entry {place.number + 1} is missing"
    if (place.number, place.hash) != (chain.count, chain.hash):
        # Entries that were appended since the chain was read are no problem: the next check reads both anew.
        return None if place.number > chain.count else f"entry {place.number} is not what it was"
    return None


def append_new(deps: Deps) -> int:
    """Append what was written since the last time to the chains; returns how many entries.

    The trouble of one tenant, and a malformed entry, hold up no other's chain.
    """
    count = 0
    cursor: str | None = None
    for _ in range(_MOST_BATCHES):
        query = UnitOfWork(deps.store).audit_entries.query().where(lambda entry: entry.is_chained, "==", False)
        page = query.order_by(lambda entry: entry.at).unit_page(_BATCH, cursor)
        by_tenant: dict[str, list[str]] = {}
        for document in page.documents:
            if document.is_readable:
                by_tenant.setdefault(document.read().tenant_id, []).append(document.id)
        for tenant_id, entry_ids in by_tenant.items():
            count += _appended(deps, tenant_id, entry_ids)
        cursor = page.cursor
        if cursor is None:
            break
    return count


def _appended(deps: Deps, tenant_id: str, entry_ids: Sequence[str]) -> int:
    try:
        _append(deps, tenant_id, entry_ids)
    except Conflict:  # another sweep is at it
        return 0
    except StoreError:
        raise
    except Exception:
        log.exception("entries could not be appended to an audit log", extra={"tenant": tenant_id})
        return 0
    return len(entry_ids)


def _append(deps: Deps, tenant_id: str, entry_ids: Sequence[str]) -> None:
    def attempt(unit: UnitOfWork) -> None:
        unit.fetch(unit.audit_chains.key(tenant_id), *(unit.audit_entries.key(each) for each in entry_ids))
        chain = unit.audit_chains.get(tenant_id) or unit.audit_chains.add(AuditChain(tenant_id=tenant_id))
        for entry in unit.audit_entries.owned_many(tenant_id, entry_ids):
            if not entry.is_chained:
                chain.count += 1
                chain.hash = entry.chain(chain.count, chain.hash)

    run_with_retry(deps, attempt)
