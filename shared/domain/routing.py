"""Routing rules: what is known of a new conversation, which rules it meets, and what they do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

from shared.domain.conversations import Priority
from shared.domain.instances import ChannelType
from shared.domain.routing_language import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Field,
    Not,
    Operator,
    parse_condition,
    refused,
)

MAX_ACTIONS = 10
MAX_ACTION_LENGTH = 500
MAX_ARGUMENT = 64
MAX_RULES = 100


class ActionKind(StrEnum):
    """What a rule can do, written `kind:argument`."""

    ASSIGN_TO_AGENT_GROUP = "assign_to_agent_group"
    ASSIGN_TO_AGENT = "assign_to_agent"
    SET_PRIORITY = "set_priority"
    ADD_TAG = "add_tag"


@dataclass(frozen=True, slots=True)
class Action:
    kind: ActionKind
    argument: str


def parse_actions(text: str) -> tuple[Action, ...]:
    """Read one action or several with `;` between them; raises `BadRequest` that points at a character."""
    if len(text) > MAX_ACTION_LENGTH:
        raise refused("action", f"longer than {MAX_ACTION_LENGTH} characters", MAX_ACTION_LENGTH)
    actions: list[Action] = []
    at = 0
    for part in text.split(";"):
        if len(actions) == MAX_ACTIONS:
            raise refused("action", f"more than {MAX_ACTIONS} actions", at)
        actions.append(_action(part, at))
        at += len(part) + 1
    return tuple(actions)


def _action(part: str, at: int) -> Action:
    name, colon, rest = part.partition(":")
    start = at + len(name) - len(name.lstrip())
    kind = name.strip().lower()
    if kind not in set(ActionKind):
        raise refused("action", f"expected one of {', '.join(ActionKind)}", start)
    argument = rest.strip()
    value_at = at + len(name) + len(colon) + len(rest) - len(rest.lstrip())
    if not colon or not argument:
        raise refused("action", f"expected a value after {kind}:", value_at)
    if len(argument) > MAX_ARGUMENT:
        raise refused("action", f"a value longer than {MAX_ARGUMENT} characters", value_at)
    if kind == ActionKind.SET_PRIORITY:
        argument = argument.lower()
        if argument not in set(Priority):
            raise refused("action", f"priority is one of {', '.join(Priority)}, not {argument!r}", value_at)
    return Action(ActionKind(kind), argument)


def print_actions(actions: Iterable[Action]) -> str:
    """Write actions so that reading them gives the same ones."""
    return "; ".join(f"{action.kind.value}:{action.argument}" for action in actions)


class Rule(BaseModel):
    """A rule as its owner wrote it; one that is not `active` is kept and not used."""

    id: str
    condition: str
    action: str
    active: bool = True
    created_at: datetime
    updated_at: datetime


class RuleSet(BaseModel):
    """All rules of a tenant, in the order in which they are applied."""

    tenant_id: str
    rules: list[Rule]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a conversation when it begins; `hour` is that of the day in UTC."""

    channel: ChannelType
    priority: Priority = Priority.NORMAL
    tags: tuple[str, ...] = ()
    language: str | None = None
    text: str = ""
    hour: int = 0

    def values(self, of: Field) -> tuple[str, ...]:
        """The field's values, in small letters; a tag has any number of them."""
        match of:
            case Field.CHANNEL:
                values: tuple[str, ...] = (self.channel.value,)
            case Field.PRIORITY:
                values = (self.priority.value,)
            case Field.TAG:
                values = self.tags
            case Field.LANGUAGE:
                values = (self.language,) if self.language else ()
            case Field.TEXT:
                values = (self.text,)
            case Field.HOUR:
                values = (str(self.hour),)
        return tuple(value.casefold() for value in values)


def meets(facts: Facts, condition: Condition) -> bool:
    """Whether the condition holds. Texts are compared without regard to case.

    With several tags, `=`, `in` and `contains` hold when they do for one of
    them, and `!=` when it does for all.
    """
    match condition:
        case Comparison():
            return _compares(facts.values(condition.field), condition)
        case Not(term):
            return not meets(facts, term)
        case AllOf(terms):
            return all(meets(facts, term) for term in terms)
        case AnyOf(terms):
            return any(meets(facts, term) for term in terms)


def _compares(actual: Sequence[str], comparison: Comparison) -> bool:
    expected = [value.casefold() for value in comparison.values]
    match comparison.operator:
        case Operator.UNEQUAL:
            return expected[0] not in actual
        case Operator.CONTAINS:
            return any(expected[0] in value for value in actual)
        case _:
            return any(value in expected for value in actual)


def mentions(condition: Condition, *fields: Field) -> bool:
    """Whether the condition asks for any of the fields."""
    match condition:
        case Comparison():
            return condition.field in fields
        case Not(term):
            return mentions(term, *fields)
        case AllOf(terms) | AnyOf(terms):
            return any(mentions(term, *fields) for term in terms)


@dataclass(frozen=True, slots=True)
class ParsedRule:
    """A rule ready for use."""

    rule: Rule
    condition: Condition
    actions: tuple[Action, ...]

    @classmethod
    def of(cls, rule: Rule) -> ParsedRule:
        """Raises `BadRequest` for one that cannot be read."""
        return cls(rule, parse_condition(rule.condition), parse_actions(rule.action))


@dataclass(slots=True)
class Outcome:
    """What the rules that are met do together; None is left as it is."""

    matched: list[Rule] = field(default_factory=list)
    assignee_id: str | None = None
    team_id: str | None = None
    priority: Priority | None = None
    tags: list[str] = field(default_factory=list)


def route(rules: Iterable[ParsedRule], facts: Facts) -> Outcome:
    """Apply every active rule whose condition the facts meet, in the rules' order.

    All conditions are judged by the facts as they came. The first rule that
    assigns, or sets the priority, wins; tags add up.
    """
    outcome = Outcome()
    for parsed in rules:
        if parsed.rule.active and meets(facts, parsed.condition):
            outcome.matched.append(parsed.rule)
            for action in parsed.actions:
                _apply(outcome, action)
    return outcome


def _apply(outcome: Outcome, action: Action) -> None:
    assigned = outcome.assignee_id or outcome.team_id
    match action.kind:
        case ActionKind.ASSIGN_TO_AGENT:
            outcome.assignee_id = outcome.assignee_id or (action.argument if not assigned else None)
        case ActionKind.ASSIGN_TO_AGENT_GROUP:
            outcome.team_id = outcome.team_id or (action.argument if not assigned else None)
        case ActionKind.SET_PRIORITY:
            outcome.priority = outcome.priority or Priority(action.argument)
        case ActionKind.ADD_TAG:
            if action.argument not in outcome.tags:
                outcome.tags.append(action.argument)
