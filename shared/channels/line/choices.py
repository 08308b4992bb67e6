"""Answers to choose from: a postback brings back only what was put into it, so it carries the words, too."""

from __future__ import annotations

import json

from shared.domain.outbox import Choice

_DATA_LIMIT = 300


def data_of(choice: Choice) -> str:
    """The data of a choice's postback; a choice whose words do not fit in is known by its id alone."""
    data = json.dumps({"choice": choice.id, "title": choice.title}, ensure_ascii=False)
    return data if len(data) <= _DATA_LIMIT else choice.id


def choice_of(data: str) -> dict[str, str] | None:
    """The choice that a postback's data stands for; None where it is somebody else's."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.keys() != {"choice", "title"}:
        return None
    return {"id": str(value["choice"]), "title": str(value["title"])}
