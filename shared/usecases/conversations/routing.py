"""A tenant's routing rules, and what they do to a conversation that begins.

All rules of a tenant are one document, so that their order is theirs and one
read gets them. They are applied in the commit that opens the conversation:
nobody ever sees it before they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from shared.deps import Deps
from shared.domain.conversations import Conversation
from shared.domain.customers import Customer
from shared.domain.ids import new_id
from shared.domain.routing import MAX_RULES, Facts, Outcome, ParsedRule, Rule, mentions, route
from shared.domain.routing_language import Field
from shared.errors import AlreadyExists, BadRequest, Conflict, NotFound
from shared.ports.store import Create, Document, Merge, Set, Write
from shared.usecases import refs
from shared.usecases.customers import customer_tags
from shared.usecases.retrying import decide

T = TypeVar("T")

# Other processes than the one that changed a rule go by the old ones for up to this long.
_KEPT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class _Loaded:
    rules: tuple[ParsedRule, ...]
    at: datetime


def list_rules(deps: Deps, tenant_id: str) -> list[Rule]:
    """All rules, in the order in which they are applied; at most `MAX_RULES`."""
    return _read(deps, tenant_id)[0]


def add_rule(deps: Deps, tenant_id: str, fields: Mapping[str, Any], position: int | None = None) -> Rule:
    """Make a rule, last unless a `position` (from 0) is given; raises `BadRequest` for one that cannot be read."""
    now = deps.now()
    rule = Rule.model_validate({**fields, "id": new_id(), "created_at": now, "updated_at": now})
    ParsedRule.of(rule)

    def add(rules: list[Rule]) -> Rule:
        if len(rules) >= MAX_RULES:
            raise BadRequest(f"There are {MAX_RULES} rules already; remove one first")
        rules.insert(len(rules) if position is None else position, rule)
        return rule

    return _change(deps, tenant_id, add)


def change_rule(
    deps: Deps, tenant_id: str, rule_id: str, changes: Mapping[str, Any], position: int | None = None
) -> Rule:
    """Change the given fields, and its place when there is a `position`; raises `NotFound` and `BadRequest`."""

    def change(rules: list[Rule]) -> Rule:
        at = _find(rules, rule_id)
        changed = Rule.model_validate({**rules.pop(at).model_dump(), **changes, "updated_at": deps.now()})
        ParsedRule.of(changed)
        rules.insert(at if position is None else position, changed)
        return changed

    return _change(deps, tenant_id, change)


def remove_rule(deps: Deps, tenant_id: str, rule_id: str) -> None:
    """Raises `NotFound`."""
    _change(deps, tenant_id, lambda rules: rules.pop(_find(rules, rule_id)))


def dry_run(deps: Deps, tenant_id: str, facts: Facts) -> Outcome:
    """What the rules, as they are stored now, would do; changes nothing."""
    return route([ParsedRule.of(rule) for rule in list_rules(deps, tenant_id)], facts)


def begin(
    deps: Deps, conversation: Conversation, text: str | None, writes: Sequence[Write]
) -> tuple[Conversation, list[Write]]:
    """Apply the rules to a conversation that `writes` are about to create.

    Returns the conversation as it will be and the writes that make it so, a
    change of the customer's tags among them. Call it inside `decide`, for the
    customer may be changed meanwhile.
    """
    rules = _kept(deps, conversation.tenant_id)
    if not any(parsed.rule.active for parsed in rules):
        return conversation, list(writes)
    known = any(mentions(parsed.condition, Field.TAG, Field.LANGUAGE) for parsed in rules)
    customer = _customer(deps, conversation, writes) if known else None
    outcome = route(rules, _facts(deps, conversation, text, customer))
    if not outcome.matched:
        return conversation, list(writes)
    routed = conversation.model_copy(update=_changes(conversation, outcome, deps.now()))
    changed = {refs.conversation(routed.id): routed.model_dump()}
    made = [_with(write, changed) for write in writes]
    if outcome.tags:
        made = _tagged(customer or _customer(deps, conversation, writes), outcome.tags, made)
    return routed, made


def _customer(deps: Deps, conversation: Conversation, writes: Sequence[Write]) -> Document | None:
    """The customer, who may be about to be created; then there is no version."""
    ref = refs.customer(conversation.customer_id)
    for write in writes:
        if isinstance(write, Create) and write.ref == ref:
            return Document(ref, "", dict(write.data))
    return deps.store.get([ref]).get(ref)


def _facts(deps: Deps, conversation: Conversation, text: str | None, document: Document | None) -> Facts:
    customer = Customer.model_validate(document.data) if document else None
    return Facts(
        channel=conversation.channel,
        priority=conversation.priority,
        tags=tuple(customer.tags) if customer else (),
        language=customer.preferences.language if customer else None,
        text=text or "",
        hour=deps.now().hour,
    )


def _changes(conversation: Conversation, outcome: Outcome, now: datetime) -> dict[str, Any]:
    changes: dict[str, Any] = {"routed_at": now, "priority": outcome.priority or conversation.priority}
    if conversation.assignee_id is None:
        changes |= {"assignee_id": outcome.assignee_id, "team_id": outcome.team_id}
    return changes


def _with(write: Write, changed: Mapping[Any, Mapping[str, Any]]) -> Write:
    data = changed.get(write.ref)
    return Create(write.ref, data) if isinstance(write, Create) and data is not None else write


def _tagged(customer: Document | None, tags: Sequence[str], writes: list[Write]) -> list[Write]:
    if customer is None:
        return writes
    before = list(customer.data.get("tags", []))
    together = before + [tag for tag in tags if tag not in before]
    if together == before:
        return writes
    found_by = customer_tags.changed(customer, together)
    if not customer.version:
        return [*(_with(write, {customer.ref: customer.data | {"tags": together}}) for write in writes), *found_by]
    # One write at one version: the commit may be about to touch the customer anyway.
    touched = [write for write in writes if write.ref == customer.ref and isinstance(write, Merge)]
    fields = {name: value for write in touched for name, value in write.data.items()}
    others = [write for write in writes if write not in touched]
    return [*others, Merge(customer.ref, fields | {"tags": together}, customer.version), *found_by]


def _kept(deps: Deps, tenant_id: str) -> tuple[ParsedRule, ...]:
    key = ("routing", tenant_id)

    def load() -> _Loaded:
        return _Loaded(tuple(ParsedRule.of(rule) for rule in list_rules(deps, tenant_id)), deps.now())

    loaded = deps.cache.get(key, load)
    if not timedelta() <= deps.now() - loaded.at <= _KEPT:
        deps.cache.forget(key)
        loaded = deps.cache.get(key, load)
    return loaded.rules


def _change(deps: Deps, tenant_id: str, change: Callable[[list[Rule]], T]) -> T:
    def attempt() -> T:
        rules, document = _read(deps, tenant_id)
        result = change(rules)
        ref = refs.routing_rules(tenant_id)
        data = {"tenant_id": tenant_id, "rules": [rule.model_dump() for rule in rules]}
        try:
            deps.store.commit([Set(ref, data, document.version) if document else Create(ref, data)])
        except AlreadyExists as clash:
            raise Conflict(ref) from clash
        return result

    result = decide(attempt)
    deps.cache.forget(("routing", tenant_id))
    return result


def _read(deps: Deps, tenant_id: str) -> tuple[list[Rule], Document | None]:
    ref = refs.routing_rules(tenant_id)
    document = deps.store.get([ref]).get(ref)
    rules = document.data["rules"] if document else []
    return [Rule.model_validate(rule) for rule in rules], document


def _find(rules: Sequence[Rule], rule_id: str) -> int:
    at = next((n for n, rule in enumerate(rules) if rule.id == rule_id), None)
    if at is None:
        raise NotFound("There is no such rule")
    return at
