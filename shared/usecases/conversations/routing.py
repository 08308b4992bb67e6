"""A tenant's routing rules, and applying them to conversations.

All rules of a tenant are one document: it keeps their order, and one read gets
them. They are applied in the commit that creates the conversation, or, where it
began with what is not routed, in that of the first message that is: nobody ever
sees a conversation unrouted that should be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation
from shared.domain.customers import Customer
from shared.domain.ids import new_id
from shared.domain.routing import MAX_RULES, ActionKind, Facts, Outcome, ParsedRule, Rule, RuleSet, mentions, route
from shared.domain.routing_language import Field
from shared.errors import BadRequest, NotFound
from shared.usecases.conversations import assignees, ownership, team_queues
from shared.usecases.customers import customer_tags

T = TypeVar("T")

# Other processes than the one that changed a rule go by the old ones for up to this long.
_CACHED_FOR = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class _Loaded:
    rules: tuple[ParsedRule, ...]
    loaded_at: datetime


def list_rules(deps: Deps, tenant_id: str) -> list[Rule]:
    """All rules, in the order in which they are applied; at most `MAX_RULES`."""
    rule_set = UnitOfWork(deps.store).routing_rules.get(tenant_id)
    return rule_set.rules if rule_set else []


def add_rule(deps: Deps, tenant_id: str, fields: Mapping[str, Any], position: int | None = None) -> Rule:
    """Make a rule, last unless a `position` (from 0) is given; raises `BadRequest` for one that cannot be read."""
    now = deps.now()
    rule = Rule(**fields, id=new_id(), created_at=now, updated_at=now)
    _check_assignees(deps, tenant_id, rule)

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
        index = _index_of(rules, rule_id)
        former = rules.pop(index)
        rule = Rule(**{**former.model_dump(), **changes, "updated_at": deps.now()})
        if rule.action == former.action:
            ParsedRule.of(rule)
        else:
            _check_assignees(deps, tenant_id, rule)
        rules.insert(index if position is None else position, rule)
        return rule

    return _change(deps, tenant_id, change)


def remove_rule(deps: Deps, tenant_id: str, rule_id: str) -> None:
    """Raises `NotFound`."""
    _change(deps, tenant_id, lambda rules: rules.pop(_index_of(rules, rule_id)))


def dry_run(deps: Deps, tenant_id: str, facts: Facts) -> Outcome:
    """What the stored rules would do; changes nothing."""
    return route([ParsedRule.of(rule) for rule in list_rules(deps, tenant_id)], facts)


def apply(deps: Deps, unit: UnitOfWork, conversation: Conversation, text: str | None) -> None:
    """Apply the rules to a conversation that this unit adds or has read, and to its customer's tags."""
    rules = _cached_rules(deps, conversation.tenant_id)
    if not any(parsed.rule.active for parsed in rules):
        return
    customer_matters = any(mentions(parsed.condition, Field.TAG, Field.LANGUAGE) for parsed in rules)
    customer = _customer(unit, conversation) if customer_matters else None
    outcome = route(rules, _facts(deps, conversation, text, customer))
    if not outcome.matched:
        return
    conversation.routed_at = deps.now()
    conversation.priority = outcome.priority or conversation.priority
    if conversation.assignee_id is None:
        _assign(deps, unit, conversation, outcome)
    if outcome.tags:
        _add_tags(unit, customer or _customer(unit, conversation), outcome.tags)


def _assign(deps: Deps, unit: UnitOfWork, conversation: Conversation, outcome: Outcome) -> None:
    """Give it to whom the rules name, unless they have left since or only look on: then it is as if no rule did."""
    conversation.team_id = outcome.team_id
    if outcome.team_id:
        _give_to_team(deps, unit, conversation, outcome.team_id)
    assignee_id = outcome.assignee_id
    if assignee_id and assignees.can_answer(unit, conversation.tenant_id, assignee_id):
        conversation.assignee_id = assignee_id
        ownership.begin_pause(deps, unit, conversation, assignee_id)


def _give_to_team(deps: Deps, unit: UnitOfWork, conversation: Conversation, id_or_name: str) -> None:
    team = team_queues.team_of(unit, conversation.tenant_id, id_or_name)
    if team is not None:
        conversation.team_id = team.id
        team_queues.join(deps, unit, conversation, team)


def _check_assignees(deps: Deps, tenant_id: str, rule: Rule) -> None:
    """Raise `BadRequest` for a rule that cannot be read, or gives conversations to an agent or a team that is none."""
    for action in ParsedRule.of(rule).actions:
        if action.kind is ActionKind.ASSIGN_TO_AGENT_GROUP:
            assignees.check_team(UnitOfWork(deps.store), tenant_id, action.argument, field="action")
        if action.kind is ActionKind.ASSIGN_TO_AGENT:
            assignees.check(UnitOfWork(deps.store), tenant_id, action.argument, field="action")


def _customer(unit: UnitOfWork, conversation: Conversation) -> Customer | None:
    """The customer, whom this unit may be about to create."""
    return unit.customers.owned_or_none(conversation.tenant_id, conversation.customer_id)


def _facts(deps: Deps, conversation: Conversation, text: str | None, customer: Customer | None) -> Facts:
    return Facts(
        channel=conversation.channel,
        priority=conversation.priority,
        tags=tuple(customer.tags) if customer else (),
        language=customer.preferences.language if customer else None,
        text=text or "",
        hour=deps.now().hour,
    )


def _add_tags(unit: UnitOfWork, customer: Customer | None, tags: Sequence[str]) -> None:
    if customer is not None:
        former_tags = customer.tags
        customer.tags = [*former_tags, *(tag for tag in tags if tag not in former_tags)]
        customer_tags.index(unit, customer, former_tags)


def _cached_rules(deps: Deps, tenant_id: str) -> tuple[ParsedRule, ...]:
    key = ("routing", tenant_id)

    def load() -> _Loaded:
        return _Loaded(tuple(ParsedRule.of(rule) for rule in list_rules(deps, tenant_id)), deps.now())

    loaded = deps.cache.get(key, load)
    if not timedelta() <= deps.now() - loaded.loaded_at <= _CACHED_FOR:
        deps.cache.forget(key)
        loaded = deps.cache.get(key, load)
    return loaded.rules


def _change(deps: Deps, tenant_id: str, change: Callable[[list[Rule]], T]) -> T:
    def attempt(unit: UnitOfWork) -> T:
        rule_set = unit.routing_rules.get(tenant_id)
        if rule_set is None:
            rule_set = unit.routing_rules.add(RuleSet(tenant_id=tenant_id, rules=[]))
        return change(rule_set.rules)

    result = run_with_retry(deps, attempt)
    deps.cache.forget(("routing", tenant_id))
    return result


def _index_of(rules: Sequence[Rule], rule_id: str) -> int:
    index = next((index for index, rule in enumerate(rules) if rule.id == rule_id), None)
    if index is None:
        raise NotFound("There is no such rule")
    return index
