"""Closed words in requests, which clients write in any case."""

from __future__ import annotations

from pydantic import BeforeValidator


def _lower(word: object) -> object:
    return word.strip().lower() if isinstance(word, str) else word


ANY_CASE = BeforeValidator(_lower)
"""For a field whose words are all in lower case."""
