"""The console's words: each is there in every language, and none is there for nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from functions.console.assets import FOLDER
from functions.omnichat.channel_type_schemas import ChannelTypesOut
from shared import channels
from shared.config import Settings

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


def _field_words(language: str) -> dict[str, str]:
    labels: dict[str, str] = json.loads(Path(FOLDER, "i18n", f"channel-fields.{language}.json").read_text())
    return labels


def _entered(schema: dict[str, Any]) -> bool:
    """Whether a form asks for the field: not for what is made of further objects, nor for what is always the same."""
    forms = [schema, *schema.get("anyOf", [])]
    is_list_of_texts = any(form.get("items", {}).get("type") == "string" for form in forms)
    is_single = any(form.get("type") in ("string", "boolean", "integer", "number") for form in forms)
    return "const" not in schema and (is_single or is_list_of_texts)


def test_every_field_that_a_channel_asks_for_has_words_and_no_word_is_for_another_one() -> None:
    kinds = ChannelTypesOut.of_all(Settings()).channel_types
    fields = [(name, field) for kind in kinds for name, field in kind.config_schema["properties"].items()]
    names = {name for name, schema in fields if _entered(schema)}
    choices = {
        f"{name}.{choice}"
        for name, schema in fields
        for form in [schema, *schema.get("anyOf", [])]
        for choice in form.get("enum", [])
    }
    labels = _field_words("en")
    assert names - labels.keys() == set()
    assert {key for key in labels if key not in names | choices | {f"{name}.help" for name in names}} == set()


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_the_fields_of_channels_are_explained_in_every_language(language: str) -> None:
    english, translated = _field_words("en"), _field_words(language)
    assert list(translated) == sorted(english)
    assert {key: _PLACE.findall(text) for key, text in translated.items()} == {
        key: _PLACE.findall(text) for key, text in english.items()
    }
