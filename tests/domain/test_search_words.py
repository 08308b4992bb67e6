"""Words are compared without case, accents and marks, in any script."""

from __future__ import annotations

from itertools import pairwise

import pytest

from shared.domain.search_words import (
    LONGEST_WORD,
    MOST_CHARACTERS,
    MOST_QUERY_WORDS,
    is_whole_word,
    matches,
    numbers,
    query_words,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "plain_words"),
    [
        ("", []),
        ("Hello, World-2", ["hello", "world", "2"]),
        ("São Paulo, straße", ["sao", "paulo", "strasse"]),
        ("Łódź Ærø", ["lodz", "aero"]),
        ("été!fini", ["ete", "fini"]),
        ("東京 Tower", ["東", "京", "tower"]),
        ("ab東", ["ab", "東"]),
        ("กี่", ["ก"]),
        ("é" + "a" * LONGEST_WORD + " b", ["e" + "a" * (LONGEST_WORD - 1), "b"]),
        ("a" * (LONGEST_WORD + 1), ["a" * LONGEST_WORD]),
        ("a " * MOST_CHARACTERS, ["a"] * (MOST_CHARACTERS // 2)),
        ("é " * MOST_CHARACTERS, ["e"] * (MOST_CHARACTERS // 2)),
    ],
    ids=range(12),
)
def test_a_text_is_taken_apart_into_plain_words(text: str, plain_words: list[str]) -> None:
    assert words_of(text) == plain_words


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+55 (11) 98888-7777", ["5511988887777", "511988887777", "7777"]),
        (" 1234567 ", ["1234567", "234567", "4567"]),
        ("123456", ["123456", "23456", "3456"]),
        ("12345", []),
        ("call 5511988887777", []),
        ("1" * 20, ["1" * 20, "1" * 19, "1111"]),
        ("1" * 21, []),
    ],
)
def test_a_telephone_number_is_its_digits_and_each_end_of_it(text: str, digits: list[str]) -> None:
    ends = numbers(text)
    assert [*ends[:2], *ends[-1:]] == digits
    assert all(len(longer) == len(shorter) + 1 for longer, shorter in pairwise(ends))


def test_a_query_is_a_number_or_some_words() -> None:
    assert query_words("98888-7777") == ["988887777"]
    assert query_words("Hello  there") == ["hello", "there"]
    assert len(query_words("a b c d e f g h i j")) == MOST_QUERY_WORDS
    assert query_words("?!") == []


@pytest.mark.parametrize(
    ("query", "is_there"),
    [
        (["anna"], True),
        (["anna", "berlin"], True),
        (["berlin", "an"], True),
        (["an", "berlin"], False),
        (["anna", "paris"], False),
        (["paris", "anna"], False),
        (["b"], False),
        (["x"], True),
        (["7777"], True),
    ],
)
def test_every_word_has_to_be_there_the_last_one_at_least_its_beginning(query: list[str], is_there: bool) -> None:
    assert matches(["Anna", None, "Berlin x", "+5511988887777"], query) is is_there


def test_only_characters_of_scripts_without_blanks_are_whole_words() -> None:
    assert [is_whole_word(word) for word in ("東", "a", "é")] == [True, False, False]
