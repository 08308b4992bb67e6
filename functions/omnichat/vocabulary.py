"""OmniChat's names of fields: the hub's names in camel case."""

from __future__ import annotations

import re

from pydantic.alias_generators import to_camel

from shared.http.errors import Vocabulary

# A word is looked at from its beginning only: from each of its letters on it would cost the square of its length.
_SNAKE = re.compile(r"(?<![a-z0-9])[a-z0-9]+(?:_[a-z0-9]+)+")


def camel_case(path: str) -> str:
    """Each name of a path in camel case: `config.bot_token` is `config.botToken`."""
    return _SNAKE.sub(lambda name: to_camel(name[0]), path)


VOCABULARY = Vocabulary(field=camel_case)
