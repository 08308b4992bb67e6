"""A tenant's access rules, and what they say about a sender.

All rules of a tenant are one document, which each process keeps for half a minute: a message costs no read more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from shared.channels import canonical_address, channel, names
from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.access import (
    MAX_RULES,
    AccessEffect,
    AccessKind,
    AccessRule,
    AccessRuleSet,
    SenderFacts,
    deciding_rule,
)
from shared.domain.countries import is_country
from shared.domain.customers import Customer, Identity
from shared.domain.ids import new_id
from shared.domain.instances import Instance
from shared.errors import BadRequest, NotFound
from shared.usecases.customers import customers
from shared.usecases.instances import instance_lookup

T = TypeVar("T")


def list_rules(deps: Deps, tenant_id: str) -> list[AccessRule]:
    """All rules, the oldest first; at most `MAX_RULES`."""
    rule_set = UnitOfWork(deps.store).access_rules.get(tenant_id)
    return rule_set.rules if rule_set else []


def get_rule(deps: Deps, tenant_id: str, rule_id: str) -> AccessRule:
    """Raises `NotFound`."""
    rules = list_rules(deps, tenant_id)
    return rules[_index_of(rules, rule_id)]


def add_rule(deps: Deps, tenant_id: str, fields: Mapping[str, Any]) -> AccessRule:
    """Make a rule. Raises `BadRequest` for one that cannot be, and `NotFound` for an unknown channel."""
    now = deps.now()
    rule = _checked(deps, tenant_id, AccessRule(**fields, id=new_id(), created_at=now, updated_at=now))

    def add(rules: list[AccessRule]) -> AccessRule:
        if len(rules) >= MAX_RULES:
            raise BadRequest(f"There are {MAX_RULES} rules already; remove one first")
        rules.append(rule)
        return rule

    return _change(deps, tenant_id, add)


def change_rule(deps: Deps, tenant_id: str, rule_id: str, changes: Mapping[str, Any]) -> AccessRule:
    """Change the given fields. Raises as `add_rule`, and `NotFound` for an unknown rule."""

    def change(rules: list[AccessRule]) -> AccessRule:
        index = _index_of(rules, rule_id)
        changed = AccessRule(**{**rules[index].model_dump(), **changes, "updated_at": deps.now()})
        rules[index] = _checked(deps, tenant_id, changed)
        return rules[index]

    return _change(deps, tenant_id, change)


def remove_rule(deps: Deps, tenant_id: str, rule_id: str) -> None:
    """Raises `NotFound`."""
    _change(deps, tenant_id, lambda rules: rules.pop(_index_of(rules, rule_id)))


def check(deps: Deps, tenant_id: str, address: str, channel_key: str | None) -> AccessRule | None:
    """The rule that would decide about an address, on a channel where one is named; None where they may write.

    Raises `NotFound` for an unknown channel.
    """
    if channel_key is None:
        return deciding_rule(list_rules(deps, tenant_id), SenderFacts(None, [address]))
    instance = instance_lookup.by_key(deps, tenant_id, channel_key)
    unit = UnitOfWork(deps.store)
    identity_id = ids.identity(instance.id, canonical_address(instance.adapter, address))
    identity = unit.identities.owned_or_none(tenant_id, identity_id)
    tags = _tags(unit, identity) if identity is not None else []
    phone = identity.phone if identity is not None and identity.phone else ""
    return deciding_rule(list_rules(deps, tenant_id), _sender(instance, address, phone, tags))


def is_blocked(deps: Deps, unit: UnitOfWork, instance: Instance, author: Identity) -> bool:
    """Whether who writes may not; reads their customer only for a tenant that has a rule about tags."""
    rules = _cached_rules(deps, instance.tenant_id)
    if not rules:
        return False
    tags = _tags(unit, author) if any(rule.kind is AccessKind.TAG for rule in rules) else []
    rule = deciding_rule(rules, _sender(instance, author.external_user_id, author.phone or "", tags))
    return rule is not None and rule.effect is AccessEffect.BLOCK


def _sender(instance: Instance, address: str, phone: str, tags: Sequence[str]) -> SenderFacts:
    """On channels without telephone numbers an address that looks like one is an account's id."""
    has_numbers = instance.adapter in names() and channel(instance.adapter).capabilities.addressed_by == "phone"
    numbers = [address, phone] if has_numbers else [phone]
    return SenderFacts(instance.id, [address, phone], tags, numbers)


def _tags(unit: UnitOfWork, identity: Identity) -> list[str]:
    try:
        customer: Customer = customers.current(unit, identity.tenant_id, identity.customer_id)
    except NotFound:
        return []
    return customer.tags


def _checked(deps: Deps, tenant_id: str, rule: AccessRule) -> AccessRule:
    if not rule.value.strip():
        raise BadRequest.of_field("value", "is empty")
    if rule.kind is AccessKind.COUNTRY and not is_country(rule.value.strip().upper()):
        sentence = "is no country code: use one of ISO 3166, such as BR"
        raise BadRequest.of_field("value", "is no country code", sentence)
    if rule.instance_id is not None:
        rule.instance_id = instance_lookup.by_key(deps, tenant_id, rule.instance_id).id
    return rule


def _cached_rules(deps: Deps, tenant_id: str) -> tuple[AccessRule, ...]:
    """Other processes than the one that changed a rule go by the old ones for as long as the cache keeps them."""
    return deps.cache.get(_cache_key(tenant_id), lambda: tuple(list_rules(deps, tenant_id)))


def _cache_key(tenant_id: str) -> tuple[str, str]:
    return ("access", tenant_id)


def _change(deps: Deps, tenant_id: str, change: Callable[[list[AccessRule]], T]) -> T:
    def attempt(unit: UnitOfWork) -> T:
        rule_set = unit.access_rules.get(tenant_id)
        if rule_set is None:
            rule_set = unit.access_rules.add(AccessRuleSet(tenant_id=tenant_id, rules=[]))
        return change(rule_set.rules)

    result = run_with_retry(deps, attempt)
    deps.cache.forget(_cache_key(tenant_id))
    return result


def _index_of(rules: list[AccessRule], rule_id: str) -> int:
    index = next((index for index, rule in enumerate(rules) if rule.id == rule_id), None)
    if index is None:
        raise NotFound("There is no such rule")
    return index
