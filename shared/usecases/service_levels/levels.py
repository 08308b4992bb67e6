"""Keeping a tenant's business hours and response times.

All of them are one document, which each process keeps for half a minute: a message costs no read more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
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

_NO_HOURS = "There are no such business hours"
_NO_POLICY = "There is no such policy"


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
    return _one(read(deps, tenant_id).hours, hours_id, _NO_HOURS)


def add_hours(deps: Deps, tenant_id: str, fields: Mapping[str, Any]) -> BusinessHours:
    """Add business hours.

    Raises `BadRequest` for hours that cannot be, `Collision` where the team, the channel or the rest has some already.
    """
    now = deps.now()
    hours = BusinessHours(**fields, id=new_id(), created_at=now, updated_at=now)

    def add(levels: ServiceLevels, unit: UnitOfWork) -> BusinessHours:
        if len(levels.hours) >= MAX_HOURS:
            raise BadRequest(f"There are {MAX_HOURS} business hours already; remove some first")
        _check_hours(deps, unit, levels, hours)
        levels.hours.append(hours)
        return hours

    return _change(deps, tenant_id, add)


def change_hours(deps: Deps, tenant_id: str, hours_id: str, changes: Mapping[str, Any]) -> BusinessHours:
    """Change these fields only. Raises as `add_hours`, and `NotFound`."""

    def change(levels: ServiceLevels, unit: UnitOfWork) -> BusinessHours:
        former = _one(levels.hours, hours_id, _NO_HOURS)
        hours = BusinessHours(**{**former.model_dump(), **changes, "updated_at": deps.now()})
        _check_hours(deps, unit, levels, hours)
        levels.hours[levels.hours.index(former)] = hours
        return hours

    return _change(deps, tenant_id, change)


def remove_hours(deps: Deps, tenant_id: str, hours_id: str) -> None:
    """Raises `NotFound`."""
    _change(deps, tenant_id, lambda levels, unit: levels.hours.remove(_one(levels.hours, hours_id, _NO_HOURS)))


def get_policy(deps: Deps, tenant_id: str, policy_id: str) -> SlaPolicy:
    """Raises `NotFound`."""
    return _one(read(deps, tenant_id).policies, policy_id, _NO_POLICY)


def add_policy(deps: Deps, tenant_id: str, fields: Mapping[str, Any]) -> SlaPolicy:
    """Add a policy, which holds for what begins to wait from now on. Raises `BadRequest` for one that cannot be."""
    now = deps.now()
    policy = SlaPolicy(**fields, id=new_id(), created_at=now, updated_at=now)

    def add(levels: ServiceLevels, unit: UnitOfWork) -> SlaPolicy:
        if len(levels.policies) >= MAX_POLICIES:
            raise BadRequest(f"There are {MAX_POLICIES} policies already; remove one first")
        _check_policy(deps, unit, levels, policy)
        levels.policies.append(policy)
        return policy

    return _change(deps, tenant_id, add)


def change_policy(deps: Deps, tenant_id: str, policy_id: str, changes: Mapping[str, Any]) -> SlaPolicy:
    """Change these fields only. Raises as `add_policy`, and `NotFound`."""

    def change(levels: ServiceLevels, unit: UnitOfWork) -> SlaPolicy:
        former = _one(levels.policies, policy_id, _NO_POLICY)
        policy = SlaPolicy(**{**former.model_dump(), **changes, "updated_at": deps.now()})
        _check_policy(deps, unit, levels, policy)
        levels.policies[levels.policies.index(former)] = policy
        return policy

    return _change(deps, tenant_id, change)


def remove_policy(deps: Deps, tenant_id: str, policy_id: str) -> None:
    """Raises `NotFound`."""
    _change(deps, tenant_id, lambda levels, unit: levels.policies.remove(_one(levels.policies, policy_id, _NO_POLICY)))


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


def _one(entries: list[E], entry_id: str, missing: str) -> E:
    entry = next((each for each in entries if each.id == entry_id), None)
    if entry is None:
        raise NotFound(missing)
    return entry
