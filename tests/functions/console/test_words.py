"""The console's words: each is there in every language, and none is there for nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TypeAlias

import pytest

from functions.console.assets import FOLDER
from shared import channels

Words: TypeAlias = dict[str, str | dict[str, str]]

LANGUAGES = ["en", "pt", "es", "de"]
SOURCES = [path.read_text() for path in sorted(FOLDER.rglob("*.js")) if path.parent.name != "vendor"]

_STRING = re.compile(r'"([A-Za-z]+(?:[.-][A-Za-z_-]+)*)"')
_BEGINNING = re.compile(r"`([A-Za-z]+[.])\$\{")
_CALL = re.compile(r'\bt(?:Or)?\(\s*"([^"]+)"')
_PLACE = re.compile(r"\{(\w+)\}")


def _texts(language: str) -> Words:
    texts: Words = json.loads(Path(FOLDER, "i18n", f"{language}.json").read_text())
    return texts


def _places(word: str | dict[str, str]) -> list[set[str]]:
    return [set(_PLACE.findall(form)) for form in (word.values() if isinstance(word, dict) else [word])]


def test_every_word_that_the_screens_ask_for_is_there() -> None:
    used = {key for source in SOURCES for key in _CALL.findall(source)}
    assert len(used) > 100
    assert used - _texts("en").keys() == set()


def test_no_word_is_kept_that_no_screen_shows() -> None:
    strings = {text for source in SOURCES for text in _STRING.findall(source)}
    beginnings = tuple({text for source in SOURCES for text in _BEGINNING.findall(source)})
    unused = [key for key in _texts("en") if key not in strings and not key.startswith(beginnings)]
    assert unused == []


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_language_has_the_same_words_with_the_same_places(language: str) -> None:
    english, translated = _texts("en"), _texts(language)
    assert translated.keys() == english.keys()
    for key, word in english.items():
        places = set.union(*_places(word))
        assert all(each == places for each in _places(translated[key])), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_in_the_order_of_their_keys(language: str) -> None:
    assert list(_texts(language)) == sorted(_texts(language))


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_way_to_connect_a_channel_is_explained_in_every_language(language: str) -> None:
    texts = json.loads(Path(FOLDER, "i18n", f"channel-help.{language}.json").read_text())
    helps = {name: channels.channel(name).setup.help for name in channels.names()}
    assert texts.keys() == helps.keys()
    addresses = re.compile(r"https://[\w./-]*\w|/newbot|@BotFather")
    assert {name: addresses.findall(text) for name, text in texts.items()} == {
        name: addresses.findall(text) for name, text in helps.items()
    }
