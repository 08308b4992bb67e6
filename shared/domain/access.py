"""Who may write to a business: rules that allow or block senders by address, prefix, country or tag."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

from shared.domain.countries import country_of

MAX_RULES = 1000
"""Of a tenant: all lie in one document."""

EVERYBODY = "*"
"""The prefix of every address."""


class AccessEffect(StrEnum):
    ALLOW = "allow"
    BLOCK = "block"


class AccessKind(StrEnum):
    """What of a sender a rule looks at, the most specific first."""

    ADDRESS = "address"
    PREFIX = "prefix"
    TAG = "tag"
    COUNTRY = "country"


class AccessRule(BaseModel):
    """A rule; `instance_id` is the channel for which alone it holds. `country` is by ISO 3166."""

    id: str
    effect: AccessEffect
    kind: AccessKind
    value: str
    instance_id: str | None = None
    note: str | None = None
    created_at: datetime
    updated_at: datetime


class AccessRuleSet(BaseModel):
    """All rules of a tenant."""

    tenant_id: str
    rules: list[AccessRule]


@dataclass(frozen=True, slots=True)
class SenderFacts:
    """Who writes, as the rules see it; `addresses` are all that the hub has of them, a telephone number among them."""

    instance_id: str | None
    addresses: Sequence[str]
    tags: Sequence[str] = ()


def plain_address(address: str) -> str:
    """An address as rules compare it: the digits of a telephone number, else lower case."""
    local_part, _, server = address.strip().partition("@")
    number = local_part if server in ("s.whatsapp.net", "c.us") else address.strip()
    digits = number.removeprefix("+").translate(str.maketrans("", "", " -().")) if number else ""
    return digits if digits.isdecimal() else address.strip().lower()


def deciding_rule(rules: Iterable[AccessRule], sender: SenderFacts) -> AccessRule | None:
    """The rule that decides about a sender; None where none applies, and they may write.

    The most specific one: an address before the longest prefix, a tag, and a country; then a channel's own before the
    tenant's; then the one that blocks.
    """
    addresses = [plain_address(address) for address in sender.addresses if address]
    fitting = [rule for rule in rules if _applies(rule, sender, addresses)]
    return max(fitting, key=_weight, default=None)


def _applies(rule: AccessRule, sender: SenderFacts, addresses: Sequence[str]) -> bool:
    if rule.instance_id not in (None, sender.instance_id):
        return False
    match rule.kind:
        case AccessKind.ADDRESS:
            return plain_address(rule.value) in addresses
        case AccessKind.PREFIX:
            prefix = plain_address(rule.value)
            return prefix == EVERYBODY or any(address.startswith(prefix) for address in addresses)
        case AccessKind.TAG:
            return rule.value in sender.tags
        case AccessKind.COUNTRY:
            return any(country_of(address) == rule.value.upper() for address in addresses)


def _weight(rule: AccessRule) -> tuple[int, int, bool, bool]:
    is_everybody = rule.kind is AccessKind.PREFIX and rule.value == EVERYBODY
    kinds = list(AccessKind)
    specificity = -1 if is_everybody else len(kinds) - kinds.index(rule.kind)
    length = len(plain_address(rule.value)) if rule.kind is AccessKind.PREFIX else 0
    return specificity, length, rule.instance_id is not None, rule.effect is AccessEffect.BLOCK
