"""OmniChat's wire forms of access rules."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from functions.omnichat.schemas import Request, Wire
from shared.domain.access import AccessEffect, AccessKind, AccessRule
from shared.http.times import Milliseconds


class AccessRulePath(BaseModel):
    id: str = Field(max_length=64)


class _Fields(Request, Wire):
    def fields(self) -> dict[str, Any]:
        """What is given, in the domain's form."""
        fields = self.model_dump(exclude_unset=True)
        return {("instance_id" if name == "channel_id" else name): value for name, value in fields.items()}


class AccessRuleIn(_Fields):
    """Whom to allow or to block: `value` is an address, the beginning of one (`*`: everybody, `@example.com`: a
    domain's), a country by ISO 3166, or a tag of the customer. Without `channelId` it holds on all channels.
    """

    model_config = ConfigDict(json_schema_extra={"example": {"effect": "block", "kind": "prefix", "value": "+882"}})

    effect: AccessEffect
    kind: AccessKind
    value: str = Field(min_length=1, max_length=200)
    channel_id: str | None = Field(default=None, max_length=64)
    note: str | None = Field(default=None, max_length=500)


class AccessRulePatch(_Fields):
    """Only what is given changes. A `channelId` of null has the rule hold on all channels."""

    takes_away = frozenset({"channel_id", "note"})
    model_config = ConfigDict(json_schema_extra={"example": {"effect": "allow"}})

    effect: AccessEffect | None = None
    kind: AccessKind | None = None
    value: str | None = Field(default=None, min_length=1, max_length=200)
    channel_id: str | None = Field(default=None, max_length=64)
    note: str | None = Field(default=None, max_length=500)


class AccessRuleOut(Wire):
    """A rule. Of several that fit, the most specific decides: an address, the longest prefix, a tag, a country."""

    id: str
    effect: AccessEffect
    kind: AccessKind
    value: str
    channel_id: str | None
    note: str | None
    created_at: Milliseconds
    updated_at: Milliseconds

    @classmethod
    def of(cls, rule: AccessRule) -> AccessRuleOut:
        return cls(**rule.model_dump(exclude={"instance_id"}), channel_id=rule.instance_id)


class AccessRulesOut(Wire):
    rules: list[AccessRuleOut]


class AccessCheckIn(Request, Wire):
    """An address as its channel spells it; with `channelId` that channel's rules count, and the customer's tags."""

    model_config = ConfigDict(json_schema_extra={"example": {"address": "+5511988887777"}})

    address: str = Field(min_length=1, max_length=200)
    channel_id: str | None = Field(default=None, max_length=64)


class AccessCheckOut(Wire):
    """Whether the address may write; `rule` is the one that says so, null where none is about it."""

    allowed: bool
    rule: AccessRuleOut | None

    @classmethod
    def of(cls, rule: AccessRule | None) -> AccessCheckOut:
        is_allowed = rule is None or rule.effect is AccessEffect.ALLOW
        return cls(allowed=is_allowed, rule=AccessRuleOut.of(rule) if rule else None)
