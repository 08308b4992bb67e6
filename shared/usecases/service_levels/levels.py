"""Keeping a tenant's business hours and response times.

All of them are one document, which each process keeps for half a minute: a message costs no read more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.business_hours import BusinessHours
from shared.domain.ids import new_id
from shared.domain.service_levels import MAX_HOURS, MAX_POLICIES, ServiceLevels, SlaPolicy
from shared.domain.sla import SlaTarget
from shared.errors import BadRequest, Collision, NotFound
from shared.usecases.instances import instance_lookup

T = TypeVar("T")
E = TypeVar("E", BusinessHours, SlaPolicy)

_MOST_BYTES = 500_000
"""Of a tenant's document as JSON: Firestore keeps twice as much, and each process reads it twice a minute."""


def read(deps: Deps, tenant_id: str) -> ServiceLevels:
    """All business hours and policies of a tenant."""
    return UnitOfWork(deps.store).service_levels.get(tenant_id) or ServiceLevels(tenant_id=tenant_id)


def cached(deps: Deps, tenant_id: str) -> ServiceLevels:
    """The same; other processes than the one that changed something see it within half a minute."""
    return deps.cache.get(_cache_key(tenant_id), lambda: read(deps, tenant_id))


def _cache_key(tenant_id: str) -> tuple[str, str]:
    return ("service levels", tenant_id)


def get_hours(deps: Deps, tenant_id: str, hours_id: str) -> BusinessHours:
    """Raises `NotFound`."""
    return _HOURS.one(read(deps, tenant_id), hours_id)


def add_hours(deps: Deps, tenant_id: str, fields: Mapping[str, Any]) -> BusinessHours:
    """Add business hours.

    Raises `BadRequest` for hours that cannot be, `Collision` where the team, the channel or the rest has some already.
    """
    return _add(deps, tenant_id, _HOURS, fields)


def change_hours(deps: Deps, tenant_id: str, hours_id: str, changes: Mapping[str, Any]) -> BusinessHours:
    """Change these fields only. Raises as `add_hours`, and `NotFound`."""
    return _replace(deps, tenant_id, _HOURS, hours_id, changes)


def remove_hours(deps: Deps, tenant_id: str, hours_id: str) -> None:
    """Raises `NotFound`."""
    _remove(deps, tenant_id, _HOURS, hours_id)


def get_policy(deps: Deps, tenant_id: str, policy_id: str) -> SlaPolicy:
    """Raises `NotFound`."""
    return _POLICIES.one(read(deps, tenant_id), policy_id)


def add_policy(deps: Deps, tenant_id: str, fields: Mapping[str, Any]) -> SlaPolicy:
    """Add a policy, which holds for what begins to wait from now on. Raises `BadRequest` for one that cannot be."""
    return _add(deps, tenant_id, _POLICIES, fields)


def change_policy(deps: Deps, tenant_id: str, policy_id: str, changes: Mapping[str, Any]) -> SlaPolicy:
    """Change these fields only. Raises as `add_policy`, and `NotFound`."""
    return _replace(deps, tenant_id, _POLICIES, policy_id, changes)


def remove_policy(deps: Deps, tenant_id: str, policy_id: str) -> None:
    """Raises `NotFound`."""
    _remove(deps, tenant_id, _POLICIES, policy_id)


def _check_hours(deps: Deps, unit: UnitOfWork, levels: ServiceLevels, hours: BusinessHours) -> None:
    _check_zone(hours.zone)
    if hours.team_id is not None and hours.instance_id is not None:
        raise BadRequest.of_field("team_id", "does not go with a channel: make business hours for each")
    _check_scope(deps, unit, levels.tenant_id, hours)
    scope = (hours.team_id, hours.instance_id)
    if any((each.team_id, each.instance_id) == scope for each in levels.hours if each.id != hours.id):
        raise Collision("There are business hours for these conversations already: change those")


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        sentence = "is no time zone: use an IANA name, such as Europe/Berlin"
        raise BadRequest.of_field("zone", "is no time zone", sentence) from None


def _check_policy(deps: Deps, unit: UnitOfWork, levels: ServiceLevels, policy: SlaPolicy) -> None:
    if not any(policy.minutes_for(target) for target in SlaTarget):
        raise BadRequest.of_field("first_answer_minutes", "is missing, and so are the other times: give one of them")
    _check_scope(deps, unit, levels.tenant_id, policy)


def _check_scope(deps: Deps, unit: UnitOfWork, tenant_id: str, scoped: BusinessHours | SlaPolicy) -> None:
    """Raise `BadRequest` for an unknown team or channel; a channel may be named as its clients do."""
    if scoped.team_id is not None and unit.agent_teams.owned_or_none(tenant_id, scoped.team_id) is None:
        raise BadRequest.of_field("team_id", "is no team of yours; GET /api/teams lists them")
    if scoped.instance_id is not None:
        try:
            scoped.instance_id = instance_lookup.by_key(deps, tenant_id, scoped.instance_id).id
        except NotFound:
            raise BadRequest.of_field("channel_id", "is no channel of yours; GET /api/channels lists them") from None


@dataclass(frozen=True, slots=True)
class _Kind(Generic[E]):
    """One of the two lists in the document: its entries' form, how many there may be, and what is wrong with one."""

    form: type[E]
    list_in: Callable[[ServiceLevels], list[E]]
    most: int
    too_many: str
    missing: str
    check: Callable[[Deps, UnitOfWork, ServiceLevels, E], None]

    def one(self, levels: ServiceLevels, entry_id: str) -> E:
        entry = next((each for each in self.list_in(levels) if each.id == entry_id), None)
        if entry is None:
            raise NotFound(self.missing)
        return entry


_HOURS = _Kind(
    BusinessHours,
    lambda levels: levels.hours,
    MAX_HOURS,
    f"There are {MAX_HOURS} business hours already; remove some first",
    "There are no such business hours",
    _check_hours,
)
_POLICIES = _Kind(
    SlaPolicy,
    lambda levels: levels.policies,
    MAX_POLICIES,
    f"There are {MAX_POLICIES} policies already; remove one first",
    "There is no such policy",
    _check_policy,
)


def _add(deps: Deps, tenant_id: str, kind: _Kind[E], fields: Mapping[str, Any]) -> E:
    now = deps.now()
    entry = kind.form(**fields, id=new_id(), created_at=now, updated_at=now)

    def add(levels: ServiceLevels, unit: UnitOfWork) -> E:
        entries = kind.list_in(levels)
        if len(entries) >= kind.most:
            raise BadRequest(kind.too_many)
        kind.check(deps, unit, levels, entry)
        entries.append(entry)
        return entry

    return _change(deps, tenant_id, add)


def _replace(deps: Deps, tenant_id: str, kind: _Kind[E], entry_id: str, changes: Mapping[str, Any]) -> E:
    def replace(levels: ServiceLevels, unit: UnitOfWork) -> E:
        entries, former = kind.list_in(levels), kind.one(levels, entry_id)
        entry = kind.form(**{**former.model_dump(), **changes, "updated_at": deps.now()})
        kind.check(deps, unit, levels, entry)
        entries[entries.index(former)] = entry
        return entry

    return _change(deps, tenant_id, replace)


def _remove(deps: Deps, tenant_id: str, kind: _Kind[E], entry_id: str) -> None:
    _change(deps, tenant_id, lambda levels, unit: kind.list_in(levels).remove(kind.one(levels, entry_id)))


def _change(deps: Deps, tenant_id: str, change: Callable[[ServiceLevels, UnitOfWork], T]) -> T:
    def attempt(unit: UnitOfWork) -> T:
        levels = unit.service_levels.get(tenant_id)
        if levels is None:
            levels = unit.service_levels.add(ServiceLevels(tenant_id=tenant_id))
        result = change(levels, unit)
        if len(levels.model_dump_json().encode()) > _MOST_BYTES:
            raise BadRequest("Business hours and policies are too long together: shorten away messages and names")
        return result

    result = run_with_retry(deps, attempt)
    deps.cache.forget(_cache_key(tenant_id))
    return result
