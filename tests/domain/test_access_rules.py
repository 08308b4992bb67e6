"""Which of several rules decides about who writes."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.access import AccessRule, SenderFacts, deciding_rule, plain_address
from tests.documents import MOMENT

SENDER = SenderFacts("i1", ["+55 (11) 98888-7777", "Ada@Example.com"], ["vip"])


def _rule(kind: str, value: str, effect: str = "allow", instance_id: str | None = None) -> AccessRule:
    fields: dict[str, Any] = {"id": f"{kind} {value} {effect}", "effect": effect, "kind": kind, "value": value}
    return AccessRule(**fields, instance_id=instance_id, created_at=MOMENT, updated_at=MOMENT)


BY_WEIGHT = [
    _rule("address", "5511988887777", "block", "i1"),
    _rule("address", "5511988887777", "allow", "i1"),
    _rule("address", "5511988887777", "block"),
    _rule("address", "ada@example.com"),
    _rule("prefix", "+55 11", "block"),
    _rule("prefix", "+55", "allow", "i1"),
    _rule("prefix", "55", "block"),
    _rule("tag", "vip", "block"),
    _rule("country", "br", "block"),
    _rule("prefix", "*", "block", "i1"),
    _rule("prefix", " * ", "block"),
    _rule("prefix", "*", "allow"),
]


@pytest.mark.parametrize("number", range(len(BY_WEIGHT)))
def test_the_most_specific_rule_decides(number: int) -> None:
    rules = BY_WEIGHT[number:]
    assert deciding_rule(rules, SENDER) == deciding_rule(rules[::-1], SENDER) == rules[0]


@pytest.mark.parametrize(
    "rule",
    [
        _rule("address", "5511988887777", instance_id="i2"),
        _rule("address", "551198888777"),
        _rule("prefix", "49"),
        _rule("tag", "vi"),
        _rule("country", "PT"),
    ],
    ids=lambda rule: rule.id,
)
def test_a_rule_about_somebody_else_decides_nothing(rule: AccessRule) -> None:
    assert deciding_rule([rule], SENDER) is None


@pytest.mark.parametrize(
    "rule",
    [
        _rule("address", "00 55 11 98888 7777"),
        _rule("address", "+٥٥١١٩٨٨٨٨٧٧٧٧"),
        _rule("address", "\uff21\uff24\uff21@EXAMPLE.com"),
        _rule("prefix", "0055"),
        _rule("prefix", "+\uff15\uff15"),
        _rule("prefix", "@EXAMPLE.COM"),
        _rule("tag", " VIP "),
        _rule("country", " br "),
    ],
    ids=lambda rule: rule.id,
)
def test_however_a_rule_is_written_it_is_about_the_same_people(rule: AccessRule) -> None:
    assert deciding_rule([rule], SENDER) is rule


@pytest.mark.parametrize(
    "rule", [_rule("prefix", "+55"), _rule("prefix", "0055"), _rule("country", "BR"), _rule("prefix", "@55")]
)
def test_an_accounts_id_that_looks_like_a_number_is_none(rule: AccessRule) -> None:
    assert deciding_rule([rule], SenderFacts("i1", ["5511988887777"], numbers=[])) is None


@pytest.mark.parametrize("value", ["+", "00", "@", "@ample.com", "(", "ada@example.co.uk"])
def test_a_piece_of_an_address_is_about_nobody_by_chance(value: str) -> None:
    assert deciding_rule([_rule("prefix", value)], SENDER) is None


def test_a_rule_about_an_empty_address_is_about_nobody_without_one() -> None:
    assert deciding_rule([_rule("address", "")], SenderFacts(None, [""])) is None


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("+49 (30) 12.34-5", "493012345"),
        ("5511@s.whatsapp.net", "5511"),
        ("5511@c.us", "5511"),
        ("5511:12@S.whatsapp.net", "5511"),
        ("5511@lid", "5511@lid"),
        (" Ada@Example.com ", "ada@example.com"),
        ("", ""),
        ("*", "*"),
    ],
)
def test_an_address_is_compared_by_its_digits_or_in_lower_case(address: str, plain: str) -> None:
    assert plain_address(address) == plain
