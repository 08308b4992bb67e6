"""The language of routing rules, and what they do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.conversations import Priority
from shared.domain.instances import ChannelType
from shared.domain.routing import (
    MAX_ACTION_LENGTH,
    MAX_ARGUMENT,
    Action,
    ActionKind,
    Facts,
    ParsedRule,
    Rule,
    meets,
    parse_actions,
    print_actions,
    route,
)
from shared.domain.routing_language import (
    CHANNEL_WORDS,
    MAX_DEPTH,
    MAX_LENGTH,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Field,
    Not,
    Operator,
    parse_condition,
    print_condition,
)
from shared.errors import BadRequest

T = TypeVar("T")

NOW = datetime(2026, 11, 21, tzinfo=UTC)
FACTS = Facts(
    channel=ChannelType.WHATSAPP,
    priority=Priority.HIGH,
    tags=("VIP", "returning"),
    language="de",
    text="Where is my Refund?",
    hour=9,
)


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ("channel=whatsapp AND priority=high", True),
        ("channel=whatsapp AND priority=low", False),
        ("channel = sms or PRIORITY = HIGH", True),
        ("not channel=sms", True),
        ("NOT NOT channel=sms", False),
        ("channel=sms OR channel=whatsapp AND priority=high", True),
        ("(channel=sms OR channel=whatsapp) AND priority=low", False),
        ("channel=whatsapp OR channel=sms AND priority=low", True),
        ("channel in (sms, whatsapp)", True),
        ("channel IN(sms,email)", False),
        ("channel=chat", False),
        ("priority!=low", True),
        ("tag=vip", True),
        ("tag!=vip", False),
        ("tag!=new", True),
        ("tag contains turn", True),
        ("tag in (new, 'Returning')", True),
        ("language=DE", True),
        ("language=en", False),
        ("text contains refund", True),
        ('text contains "my refund"', True),
        ('text="where is my refund?"', True),
        ("hour=9 AND hour=09", True),
        ("hour in (8, 10)", False),
    ],
)
def test_conditions_mean_what_they_say(condition: str, met: bool) -> None:
    assert meets(FACTS, parse_condition(condition)) is met


@pytest.mark.parametrize("channel", list(ChannelType))
def test_every_channel_has_its_word(channel: ChannelType) -> None:
    condition = parse_condition(f"channel={channel.value}")
    assert [each for each in ChannelType if meets(Facts(channel=each), condition)] == [channel]
    assert print_condition(condition) == f"channel={channel.value}", "a word that needs no quotes has none"


def test_what_is_not_known_equals_nothing() -> None:
    nobody = Facts(channel=ChannelType.WIDGET)
    assert meets(nobody, parse_condition("channel=chat AND language!=en AND tag!=vip"))
    assert not meets(nobody, parse_condition("language=en OR tag contains v"))


@pytest.mark.parametrize(
    ("condition", "at"),
    [
        ("", 1),
        ("channel", 8),
        ("channel=", 9),
        ("channel=pigeon", 9),
        ("channel contains what", 9),
        ("colour=red", 1),
        ("channel=sms AND", 16),
        ("channel=sms priority=low", 13),
        ("(channel=sms", 13),
        ("channel=sms)", 12),
        ("channel in sms", 12),
        ("channel in (sms", 16),
        ("channel in ()", 13),
        ("priority=urgently", 10),
        ("hour=24", 6),
        ('text contains "open', 15),
        ("text contains \\", 15),
        ("text=and", 6),
        ("text ! x", 6),
        ("NOT", 4),
    ],
)
def test_an_error_points_at_the_character(condition: str, at: int) -> None:
    with pytest.raises(BadRequest, match=rf" at character {at}$"):
        parse_condition(condition)


@pytest.mark.parametrize(
    ("condition", "problem"),
    [("text ! x", "unexpected '!'"), ("text = 'open", "a quote that is never closed")],
)
def test_an_error_says_what_cannot_be_used(condition: str, problem: str) -> None:
    with pytest.raises(BadRequest, match=problem):
        parse_condition(condition)


def test_conditions_have_limits() -> None:
    assert parse_condition("(" * MAX_DEPTH + "tag=a" + ")" * MAX_DEPTH) == Comparison(Field.TAG, Operator.EQUAL, ("a",))
    for deep in ("(" * 21 + "tag=a" + ")" * 21, "NOT " * 200 + "tag=a", "(" * 900):
        with pytest.raises(BadRequest, match="levels deep"):
            parse_condition(deep)
    with pytest.raises(BadRequest, match="longer than"):
        parse_condition("tag=" + "a" * MAX_LENGTH)


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_values = {
    Field.CHANNEL: st.sampled_from(sorted(set(CHANNEL_WORDS.values()))),
    Field.PRIORITY: st.sampled_from([priority.value for priority in Priority]),
    Field.HOUR: st.integers(0, 23).map(str),
}


@st.composite
def _comparisons(draw: st.DrawFn) -> Condition:
    field = draw(st.sampled_from(list(Field)))
    values = _values.get(field, _texts)
    operators = [each for each in Operator if each is not Operator.CONTAINS or field not in _values]
    operator = draw(st.sampled_from(operators))
    most = 3 if operator is Operator.IN else 1
    return Comparison(field, operator, tuple(draw(st.lists(values, min_size=1, max_size=most))))


def _larger(smaller: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(smaller, min_size=2, max_size=3).map(tuple)
    return smaller.map(Not) | several.map(AllOf) | several.map(AnyOf)


_conditions: st.SearchStrategy[Condition] = st.recursive(_comparisons(), _larger, max_leaves=6)


@pytest.mark.parametrize(
    "condition",
    [
        "NOT channel=sms",
        "NOT NOT channel=sms",
        "NOT (channel=sms OR hour=9)",
        "channel=sms AND NOT priority=low AND tag!=vip",
        "channel=sms OR (priority=low AND hour=9) OR text CONTAINS refund",
        "(channel=sms OR priority=low) AND hour IN (9, 10)",
        'tag IN (vip, "old friend", "and", "x=y", "(", "a\\"b", "c\\\\d", "")',
    ],
)
def test_a_condition_is_printed_with_no_more_brackets_and_quotes_than_it_needs(condition: str) -> None:
    assert print_condition(parse_condition(condition)) == condition


@given(_conditions)
def test_what_is_printed_is_read_as_the_same(condition: Condition) -> None:
    text = print_condition(condition)
    if len(text) <= MAX_LENGTH:
        assert parse_condition(text) == condition
    assert isinstance(meets(FACTS, condition), bool)


def _read(parse: Callable[[str], T], text: str) -> T | None:
    """What is read, or None when the error points at a character of the text or at its end."""
    try:
        return parse(text)
    except BadRequest as error:
        at = int(error.detail.rpartition(" at character ")[2])
        if 1 <= at <= len(text) + 1:
            return None
        raise


_pieces = st.sampled_from(
    [
        "channel",
        "tag",
        "text",
        "hour",
        "=",
        "!=",
        "in",
        "contains",
        "(",
        ")",
        ",",
        "and",
        "OR",
        "not",
        "sms",
        "9",
        '"a"',
    ]
)


@given(_texts | st.lists(_pieces | _texts, max_size=15).map(" ".join))
def test_any_text_is_a_condition_or_an_error_that_points_into_it(text: str) -> None:
    condition = _read(parse_condition, text)
    if condition is not None:
        printed = print_condition(condition)
        assert print_condition(parse_condition(printed)) == printed


@given(
    _texts | st.lists(st.sampled_from(["add_tag", "set_priority", ":", ";", "high", "vip"]), max_size=9).map("".join)
)
def test_any_text_is_actions_or_an_error_that_points_into_it(text: str) -> None:
    actions = _read(parse_actions, text)
    if actions is not None:
        assert parse_actions(print_actions(actions)) == actions


def test_actions_are_printed_as_they_are_read() -> None:
    text = "assign_to_agent_group:vip; set_priority:urgent; add_tag:a:b"
    assert print_actions(parse_actions(text)) == text


def test_several_actions_stand_in_one_text() -> None:
    assert parse_actions(" assign_to_agent_group:vip ;SET_PRIORITY: Urgent; add_tag:a:b") == (
        Action(ActionKind.ASSIGN_TO_AGENT_GROUP, "vip"),
        Action(ActionKind.SET_PRIORITY, "urgent"),
        Action(ActionKind.ADD_TAG, "a:b"),
    )


@pytest.mark.parametrize(
    ("action", "at"),
    [
        ("", 1),
        ("fire:bob", 1),
        ("add_tag", 8),
        ("add_tag: ", 10),
        ("add_tag:a;", 11),
        ("add_tag:a; set_priority:top", 25),
        ("add_tag:" + "a" * (MAX_ARGUMENT + 1), 9),
        (";".join(["add_tag:a"] * 11), 101),
        ("add_tag:a".ljust(MAX_ACTION_LENGTH + 1), MAX_ACTION_LENGTH + 1),
    ],
)
def test_an_action_that_cannot_be_done_is_pointed_at(action: str, at: int) -> None:
    with pytest.raises(BadRequest, match=rf" at character {at}$"):
        parse_actions(action)


def test_actions_may_be_as_long_as_the_limit() -> None:
    assert parse_actions("add_tag:a".ljust(MAX_ACTION_LENGTH)) == (Action(ActionKind.ADD_TAG, "a"),)


def _rule(id_: str, condition: str, action: str, active: bool = True) -> ParsedRule:
    rule = Rule(id=id_, condition=condition, action=action, active=active, created_at=NOW, updated_at=NOW)
    return ParsedRule.of(rule)


def test_the_first_rule_that_assigns_wins_and_tags_add_up() -> None:
    rules = [
        _rule("off", "channel=whatsapp", "assign_to_agent:nobody", active=False),
        _rule("other", "channel=sms", "assign_to_agent:nobody"),
        _rule("first", "channel=whatsapp", "assign_to_agent_group:vip; add_tag:a"),
        _rule("second", "hour=9", "assign_to_agent:late; set_priority:low; add_tag:a; add_tag:b"),
        _rule("third", "priority=low", "set_priority:urgent"),
    ]
    outcome = route(rules, FACTS)
    assert [rule.id for rule in outcome.matched] == ["first", "second"]
    assert (outcome.team_id, outcome.assignee_id, outcome.priority) == ("vip", None, Priority.LOW)
    assert outcome.tags == ["a", "b"]
