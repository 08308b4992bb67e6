"""The language of routing conditions: `channel=whatsapp AND (priority=high OR NOT tag in (vip, "old friend"))`.

    condition  = all {OR all}
    all        = not {AND not}
    not        = NOT not | "(" condition ")" | comparison
    comparison = field ("=" | "!=" | CONTAINS) value | field IN "(" value {"," value} ")"

Keywords and fields are read without regard to case. A value is a bare word, or
quoted with " or ', where a backslash makes the next character an ordinary one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from shared.domain.conversations import Priority
from shared.domain.instances import ChannelType
from shared.errors import BadRequest

MAX_LENGTH = 1000
MAX_DEPTH = 20


class Field(StrEnum):
    """What a condition may ask for. `hour` is that of the day in UTC, `text` what the conversation began with."""

    CHANNEL = "channel"
    PRIORITY = "priority"
    TAG = "tag"
    LANGUAGE = "language"
    TEXT = "text"
    HOUR = "hour"


class Operator(StrEnum):
    EQUAL = "="
    UNEQUAL = "!="
    IN = "in"
    CONTAINS = "contains"


@dataclass(frozen=True, slots=True)
class Comparison:
    field: Field
    operator: Operator
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Not:
    term: Condition


@dataclass(frozen=True, slots=True)
class AllOf:
    terms: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    terms: tuple[Condition, ...]


Condition: TypeAlias = Comparison | Not | AllOf | AnyOf

# The dashboard's word for the web widget.
CHANNEL_WORDS = {channel.value: channel.value for channel in ChannelType} | {"chat": ChannelType.WIDGET.value}
_HOURS = {str(hour): str(hour) for hour in range(24)} | {f"{hour:02}": str(hour) for hour in range(10)}
_ALLOWED = {
    Field.CHANNEL: CHANNEL_WORDS,
    Field.PRIORITY: {priority.value: priority.value for priority in Priority},
    Field.HOUR: _HOURS,
}
_KEYWORDS = frozenset({"and", "or", "not", "in", "contains"})
_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<mark>!=|[=(),])|(?P<bare>[^\s=(),!"'\\]+))""",
    re.DOTALL,
)
_BARE = re.compile(r"""[^\s=(),!"'\\]+""")


def refused(where: str, why: str, at: int) -> BadRequest:
    """An error that points at a character, counted from 1."""
    return BadRequest.of_field(where, f"{why} at character {at + 1}")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int

    def is_keyword(self, *keywords: str) -> bool:
        return self.kind == "bare" and self.text.lower() in keywords


def parse_condition(text: str) -> Condition:
    """Read a condition; raises `BadRequest` that points at the first character that cannot be used."""
    if len(text) > MAX_LENGTH:
        raise refused("condition", f"longer than {MAX_LENGTH} characters", MAX_LENGTH)
    reader = _Reader(_tokens(text))
    condition = reader.any_of(0)
    reader.expect_end()
    return condition


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None or token.lastgroup is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            why = "a quote that is never closed" if text[start] in "\"'" else f"unexpected {text[start]!r}"
            raise refused("condition", why, start)
        content = token[token.lastgroup]
        if token.lastgroup == "quoted":
            content = re.sub(r"\\(.)", r"\1", content[1:-1], flags=re.DOTALL)
        tokens.append(_Token(token.lastgroup, content, token.start(token.lastgroup)))
        at = token.end()
    tokens.append(_Token("end", "", end))
    return tokens


class _Reader:
    """Goes through the tokens, once, from left to right."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._next = 0

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._token
        self._next += token.kind != "end"
        return token

    def _take_mark(self, mark: str) -> bool:
        is_next = self._token.kind == "mark" and self._token.text == mark
        self._next += is_next
        return is_next

    def _take_keyword(self, word: str) -> bool:
        is_next = self._token.is_keyword(word)
        self._next += is_next
        return is_next

    def expect_end(self) -> None:
        if self._token.kind != "end":
            raise refused("condition", f"expected AND, OR or the end, not {self._token.text!r}", self._token.at)

    def any_of(self, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            raise refused("condition", f"nested more than {MAX_DEPTH} levels deep", self._token.at)
        terms = [self._all_of(depth)]
        while self._take_keyword("or"):
            terms.append(self._all_of(depth))
        return terms[0] if len(terms) == 1 else AnyOf(tuple(terms))

    def _all_of(self, depth: int) -> Condition:
        terms = [self._term(depth)]
        while self._take_keyword("and"):
            terms.append(self._term(depth))
        return terms[0] if len(terms) == 1 else AllOf(tuple(terms))

    def _term(self, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            raise refused("condition", f"nested more than {MAX_DEPTH} levels deep", self._token.at)
        if self._take_keyword("not"):
            return Not(self._term(depth + 1))
        if self._take_mark("("):
            inner = self.any_of(depth + 1)
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        field = self._field()
        token = self._take()
        if token.kind == "mark" and token.text in ("=", "!="):
            return Comparison(field, Operator(token.text), (self._value(field),))
        if token.is_keyword("contains"):
            if field in _ALLOWED:
                raise refused("condition", f"{field.value} cannot be used with contains", token.at)
            return Comparison(field, Operator.CONTAINS, (self._value(field),))
        if token.is_keyword("in"):
            return Comparison(field, Operator.IN, self._values(field))
        raise refused("condition", "expected =, !=, in or contains", token.at)

    def _field(self) -> Field:
        token = self._take()
        name = token.text.lower()
        if token.kind != "bare" or name not in set(Field):
            raise refused("condition", f"expected one of {', '.join(Field)}", token.at)
        return Field(name)

    def _values(self, field: Field) -> tuple[str, ...]:
        self._expect("(")
        values = [self._value(field)]
        while self._take_mark(","):
            values.append(self._value(field))
        self._expect(")")
        return tuple(values)

    def _value(self, field: Field) -> str:
        token = self._take()
        if token.kind not in ("bare", "quoted"):
            raise refused("condition", "expected a value", token.at)
        if token.is_keyword(*_KEYWORDS):
            raise refused("condition", f"expected a value (put {token.text!r} into quotes if it is one)", token.at)
        allowed = _ALLOWED.get(field)
        if allowed is None:
            return token.text
        word = token.text.lower()
        if (value := allowed.get(word.replace("-", "_") if field is Field.CHANNEL else word)) is None:
            choices = "0 to 23" if field is Field.HOUR else ", ".join(allowed)
            raise refused("condition", f"{field.value} is one of {choices}, not {token.text!r}", token.at)
        return value

    def _expect(self, mark: str) -> None:
        if not self._take_mark(mark):
            raise refused("condition", f"expected {mark!r}", self._token.at)


def print_condition(condition: Condition) -> str:
    """Write a condition so that reading it gives the same one."""
    match condition:
        case Comparison():
            return _print_comparison(condition)
        case Not(term):
            return f"NOT {_print_inner(term)}"
        case AllOf(terms):
            return " AND ".join(_print_inner(term) for term in terms)
        case AnyOf(terms):
            return " OR ".join(_print_inner(term) for term in terms)


def _print_inner(condition: Condition) -> str:
    text = print_condition(condition)
    return f"({text})" if isinstance(condition, AllOf | AnyOf) else text


def _print_comparison(comparison: Comparison) -> str:
    values = [_print_value(value) for value in comparison.values]
    match comparison.operator:
        case Operator.IN:
            return f"{comparison.field.value} IN ({', '.join(values)})"
        case Operator.CONTAINS:
            return f"{comparison.field.value} CONTAINS {values[0]}"
        case _:
            return f"{comparison.field.value}{comparison.operator.value}{values[0]}"


def _print_value(value: str) -> str:
    if _BARE.fullmatch(value) and value.lower() not in _KEYWORDS:
        return value
    escaped = re.sub(r'(["\\])', r"\\\1", value)
    return f'"{escaped}"'
