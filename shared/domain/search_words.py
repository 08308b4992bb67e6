"""The words of a text, as searching compares them: without case, accents and marks, in any script."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

MOST_CHARACTERS = 4000
"""Characters of a text that are searched."""

LONGEST_WORD = 40
"""Characters of a word that are compared."""

MOST_QUERY_WORDS = 8
"""Words of a query that are looked for."""

LEAST_PREFIX = 2
"""Letters from which on the last word of a query also stands for the beginning of one."""

_SUFFIX = 4
"""Digits from which on the end of a telephone number stands for it."""

_LONGEST_NUMBER = 20
"""Digits of a telephone number: 15 at the most, and what is dialled before them. Each end of one is indexed."""

# Chinese, Japanese, Thai, Lao, Burmese and Khmer put no blanks between words: each character is a word of its own.
_WITHOUT_BLANKS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
_PLAIN_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "\u0131": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"})
"""Letters that have a mark, or are two, and that Unicode does not take apart."""

_ASCII_WORD = re.compile(r"[a-z0-9]+")
_NUMBER = re.compile(r"\+?\d[\d\s().\-/]{4,}\d", re.ASCII)


def words_of(text: str) -> list[str]:
    """The words of a text, in their order."""
    if text.isascii():  # most texts are, and a pattern takes a tenth of the time
        return [word[:LONGEST_WORD] for word in _ASCII_WORD.findall(text[:MOST_CHARACTERS].lower())]
    return list(_split(unicodedata.normalize("NFKD", text[:MOST_CHARACTERS].casefold()).translate(_PLAIN_LETTERS)))


def _split(text: str) -> Iterator[str]:
    word = ""
    for character in text:
        kind = _kind(character)
        if kind == "mark":
            continue
        if kind == "letter" and len(word) < LONGEST_WORD:
            word += character
        elif kind != "letter":
            if word:
                yield word
            word = ""
            if kind == "word":
                yield character
    if word:
        yield word


@lru_cache(maxsize=4096)
def _kind(character: str) -> str:
    if _WITHOUT_BLANKS.match(character):
        return "word" if unicodedata.category(character)[0] in "LN" else "mark"
    return {"L": "letter", "N": "letter", "M": "mark"}.get(unicodedata.category(character)[0], "other")


def is_whole_word(word: str) -> bool:
    """Whether a word is a character of a script without blanks, of which no word begins with another."""
    return _WITHOUT_BLANKS.match(word) is not None


def numbers(text: str) -> list[str]:
    """The digits of a telephone number, and each end of it that somebody may look for; empty for any other text."""
    if not _NUMBER.fullmatch(text.strip()):
        return []
    digits = re.sub(r"\D", "", text)
    if len(digits) > _LONGEST_NUMBER:
        return []
    return [digits[start:] for start in range(max(1, len(digits) - _SUFFIX + 1))]


def query_words(text: str) -> list[str]:
    """What a query looks for: a telephone number as one word, however it is written; empty where there is nothing."""
    return numbers(text)[:1] or words_of(text)[:MOST_QUERY_WORDS]


def matches(texts: Sequence[str | None], query: Sequence[str]) -> bool:
    """Whether texts have every word of a query; its last one may also be the beginning of a word."""
    present = {word for text in texts if text for word in [*words_of(text), *numbers(text)]}
    *whole, last = query
    return present.issuperset(whole) and (last in present or _begins_one(last, present))


def _begins_one(beginning: str, present: set[str]) -> bool:
    return len(beginning) >= LEAST_PREFIX and any(word.startswith(beginning) for word in present)
