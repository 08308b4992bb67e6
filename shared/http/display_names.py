"""Display names and texts, as every dialect accepts them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field


def _not_blank(name: str) -> str:
    if not name.strip():
        raise ValueError("must not be blank")
    return name


NOT_BLANK = AfterValidator(_not_blank)
"""Refuses a text that consists of blanks."""

Name = Annotated[str, Field(min_length=1, max_length=200), NOT_BLANK]
"""Up to 200 characters that are not all blanks."""
