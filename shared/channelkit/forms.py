"""The answers to a form that a provider gives as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from shared.domain.content import MOST_ITEMS, FormAnswer

_MOST_CHARACTERS = 50_000
_LONGEST_NAME = 200
_LONGEST_VALUE = 10_000


def form_answers(form: str | None, *, without: frozenset[str] = frozenset()) -> list[FormAnswer]:
    """The answers in a JSON object, those of an object inside it by `outer.inner`; empty for what is no such object."""
    if not form or len(form) > _MOST_CHARACTERS:
        return []
    try:
        answers = json.loads(form)
    except (ValueError, RecursionError):
        return []
    if not isinstance(answers, dict):
        return []
    named = _flat(answers, "") if len(answers) <= MOST_ITEMS else iter(())
    return [
        FormAnswer(name=name[:_LONGEST_NAME], value=value[:_LONGEST_VALUE])
        for (name, value), _ in zip(named, range(MOST_ITEMS), strict=False)
        if name not in without
    ]


def form_text(answers: list[FormAnswer]) -> str | None:
    """The answers as people read them, one a line; None where there is none."""
    return "\n".join(f"{answer.name}: {answer.value}" for answer in answers) or None


def _flat(answers: Mapping[str, object], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in answers.items():
        if isinstance(value, dict) and not prefix:
            yield from _flat(value, f"{name}.")
        elif isinstance(value, list):
            yield prefix + name, ", ".join(_text(item) for item in value)
        else:
            yield prefix + name, _text(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
