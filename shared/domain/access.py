"""Who may write to a business: rules that allow or block senders by address, prefix, country or tag."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

from shared.domain.countries import country_of

MAX_RULES = 1000
"""Of a tenant: all lie in one document."""

_NOT_IN_NUMBERS = str.maketrans("", "", " -().\u00a0")
_INTERNATIONAL = re.compile(r"\+|00")

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
    """Who writes, as the rules see it; `addresses` are all that the hub has of them.

    `numbers` are those that are telephone numbers, None: any that looks like one.
    """

    instance_id: str | None
    addresses: Sequence[str]
    tags: Sequence[str] = ()
    numbers: Sequence[str] | None = None


def plain_address(address: str) -> str:
    """An address as rules compare it: the digits of a telephone number, without + or 00, else lower case."""
    address = unicodedata.normalize("NFKC", address).strip()
    local_part, _, server = address.partition("@")
    number = local_part.partition(":")[0] if server.lower() in ("s.whatsapp.net", "c.us") else address
    digits = number.removeprefix("+").translate(_NOT_IN_NUMBERS)
    if not digits.isdecimal():
        return address.casefold()
    ascii_digits = "".join(str(unicodedata.decimal(digit)) for digit in digits)
    return ascii_digits.removeprefix("00") or ascii_digits


def deciding_rule(rules: Iterable[AccessRule], sender: SenderFacts) -> AccessRule | None:
    """The rule that decides about a sender; None where none applies, and they may write.

    The most specific one: an address before the longest prefix, a tag, and a country; then a channel's own before the
    tenant's; then the one that blocks.
    """
    addresses = [plain_address(address) for address in sender.addresses if address]
    is_known = sender.numbers is not None
    numbers = [plain_address(number) for number in sender.numbers or () if number] if is_known else addresses
    fitting = [rule for rule in rules if _applies(rule, sender, addresses, numbers)]
    return max(fitting, key=_weight, default=None)


def _applies(rule: AccessRule, sender: SenderFacts, addresses: Sequence[str], numbers: Sequence[str]) -> bool:
    if rule.instance_id not in (None, sender.instance_id):
        return False
    match rule.kind:
        case AccessKind.ADDRESS:
            return plain_address(rule.value) in addresses
        case AccessKind.PREFIX:
            return _is_prefix(rule.value, addresses, numbers)
        case AccessKind.TAG:
            return rule.value.strip().casefold() in {tag.strip().casefold() for tag in sender.tags}
        case AccessKind.COUNTRY:
            return any(country_of(number) == rule.value.strip().upper() for number in numbers)


def _is_prefix(value: str, addresses: Sequence[str], numbers: Sequence[str]) -> bool:
    """Whether an address begins so, or lies in that domain; `+` and `00` begin telephone numbers alone."""
    prefix = plain_address(value)
    if prefix == EVERYBODY:
        return True
    if prefix.startswith("@"):
        return any(address.endswith(prefix) for address in addresses)
    compared = numbers if _INTERNATIONAL.match(value.strip()) else addresses
    return any(address.startswith(prefix) for address in compared)


def _weight(rule: AccessRule) -> tuple[int, int, bool, bool]:
    is_everybody = rule.kind is AccessKind.PREFIX and plain_address(rule.value) == EVERYBODY
    kinds = list(AccessKind)
    specificity = -1 if is_everybody else len(kinds) - kinds.index(rule.kind)
    length = len(plain_address(rule.value)) if rule.kind is AccessKind.PREFIX else 0
    return specificity, length, rule.instance_id is not None, rule.effect is AccessEffect.BLOCK
