"""Routing rules on the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from functions.dashboard.vocabulary import ChannelTypeName, PriorityName
from shared.domain.conversations import Priority
from shared.domain.routing import MAX_ACTION_LENGTH, MAX_RULES, Outcome, Rule
from shared.domain.routing_language import MAX_LENGTH
from shared.http.times import WholeSeconds

_Position = Field(default=None, ge=0, le=MAX_RULES, description="where among the rules, from 0; last without it")


class RulesQuery(BaseModel):
    include: Literal["all"] | None = Field(default=None, description="`all` for every field of the rules")


class RuleOut(BaseModel):
    id: str
    condition: str
    action: str

    @classmethod
    def of(cls, rule: Rule) -> RuleOut:
        return cls(id=rule.id, condition=rule.condition, action=rule.action)


class WholeRuleOut(RuleOut):
    """`order` is the rule's place, from 0; one that is not `active` is not applied."""

    order: int
    active: bool
    created_at: WholeSeconds
    updated_at: WholeSeconds

    @classmethod
    def at(cls, order: int, rule: Rule) -> WholeRuleOut:
        return cls(order=order, **rule.model_dump())


class RulesOut(BaseModel):
    """In the order in which they are applied."""

    rules: list[WholeRuleOut | RuleOut]


class RulePath(BaseModel):
    rule_id: str


class RuleIn(BaseModel):
    """What is done with a conversation that begins.

    `condition` compares `channel`, `priority`, `tag`, `language`, `text` (what was
    said first) and `hour` (of the day in UTC) by `=`, `!=`, `in (…)` or `contains`,
    joined by AND, OR, NOT and parentheses. `action` is one or several, with `;`
    between them: `assign_to_agent_group:` a team's name or id, `assign_to_agent:`
    an agent's id, `set_priority:` or `add_tag:`. The first rule that assigns, or
    sets the priority, wins.
    """

    condition: str = Field(min_length=1, max_length=MAX_LENGTH, examples=["channel=whatsapp AND priority=high"])
    action: str = Field(min_length=1, max_length=MAX_ACTION_LENGTH, examples=["set_priority:high"])
    active: bool = True
    position: int | None = _Position


class RuleChangesIn(BaseModel):
    """What is not given stays as it is."""

    condition: str | None = Field(default=None, min_length=1, max_length=MAX_LENGTH)
    action: str | None = Field(default=None, min_length=1, max_length=MAX_ACTION_LENGTH)
    active: bool | None = None
    position: int | None = _Position


class RuleSavedOut(BaseModel):
    success: bool
    id: str
    condition: str
    action: str
    active: bool

    @classmethod
    def of(cls, rule: Rule) -> RuleSavedOut:
        return cls(success=True, **rule.model_dump(include={"id", "condition", "action", "active"}))


class DryRunIn(BaseModel):
    """A conversation as it might begin; `hour` is that of the day in UTC, now without it."""

    channel: ChannelTypeName
    priority: PriorityName = Priority.NORMAL
    tags: list[str] = Field(default_factory=list, max_length=100)
    language: str | None = Field(default=None, max_length=64)
    text: str = Field(default="", max_length=65_536)
    hour: int | None = Field(default=None, ge=0, le=23)


class EffectsOut(BaseModel):
    """Null is left as it is."""

    agent_id: str | None
    agent_group: str | None
    priority: str | None
    tags: list[str]


class DryRunOut(BaseModel):
    """The rules that would be applied, and what they would do together."""

    rules: list[RuleOut]
    effects: EffectsOut

    @classmethod
    def of(cls, outcome: Outcome) -> DryRunOut:
        effects = EffectsOut(
            agent_id=outcome.assignee_id, agent_group=outcome.team_id, priority=outcome.priority, tags=outcome.tags
        )
        return cls(rules=[RuleOut.of(rule) for rule in outcome.matched], effects=effects)
