"""Names of fields that strangers choose: the keys of a configuration, or of what another system answers."""

from __future__ import annotations

import re

from pydantic.alias_generators import to_snake

LONGEST_NAME = 64

_NAME = re.compile(rf"[\w.-]{{1,{LONGEST_NAME}}}")


def is_field_name(name: str) -> bool:
    """Whether it has at most `LONGEST_NAME` letters, digits, dots, hyphens and underscores."""
    return len(name) <= LONGEST_NAME and _NAME.fullmatch(name) is not None


def snake_case(name: str) -> str:
    """A name in snake case; what is too long to be one stays as it is, for pydantic takes the square of its length."""
    return to_snake(name) if len(name) <= LONGEST_NAME else name
