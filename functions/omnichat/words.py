"""Names of fields in sentences and in failures: in camel case here, with underscores where the hub decides."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import AbstractContextManager
from functools import partial

from pydantic.alias_generators import to_camel

from shared.errors import BadRequest, Collision
from shared.http.errors import reworded

_SNAKE = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")
_NAMED = re.compile(_SNAKE.pattern + r"(?=: )")


def renamed(said: str | None, names: Collection[str]) -> str | None:
    """The sentence with those names in camel case."""
    return said and _SNAKE.sub(lambda found: to_camel(found[0]) if found[0] in names else found[0], said)


def own_words() -> AbstractContextManager[None]:
    """Have what is refused inside name fields as clients of this dialect do."""
    return reworded(partial(_NAMED.sub, _in_camel_case), partial(_SNAKE.sub, _in_camel_case), (BadRequest, Collision))


def _in_camel_case(found: re.Match[str]) -> str:
    return to_camel(found[0])
