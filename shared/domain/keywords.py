"""Words of customers that mean something to the hub itself: that they want a person, no messages any more, or again.

Texts are compared without case, accents and punctuation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

LONGEST = 200
"""Characters of a text that is looked through; a longer one is for whoever answers to understand."""

_NOT_LETTERS = re.compile(r"[\W_]+")
_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
"""What stands between letters and is not seen."""
_DOTLESS = str.maketrans({"\u0131": "i"})
"""In Turkish capitals a letter without its dot cannot be told from ours."""
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff]")
"""Letters of scripts that put no spaces between words: Thai, Japanese, Chinese."""
_SHORTEST_UNSPACED = 3

PERSON = (
    # English
    *("human", "agent", "operator", "representative", "real person", "human agent", "human being", "live agent"),
    *("talk to a human", "speak to a human", "talk to a person", "speak to a person", "talk to someone"),
    *("speak to someone", "talk to an agent", "speak to an agent", "speak with an agent", "talk with a human"),
    # Portuguese
    *("humano", "atendente", "falar com atendente", "falar com um atendente", "falar com uma pessoa"),
    *("falar com um humano", "falar com alguem", "atendimento humano", "pessoa real"),
    # Spanish
    *("agente", "operador", "hablar con una persona", "hablar con un humano", "hablar con un agente"),
    *("hablar con alguien", "persona real", "agente humano", "atencion humana"),
    # French
    *("humain", "conseiller", "parler a un humain", "parler a une personne", "parler a un conseiller"),
    *("parler a quelqu un", "vraie personne"),
    # German
    *("mensch", "mitarbeiter", "mit einem menschen sprechen", "mit einem mitarbeiter sprechen"),
    *("mit jemandem sprechen", "echter mensch", "echten menschen"),
    # Italian
    *("umano", "operatore", "parlare con una persona", "parlare con un operatore", "parlare con un umano"),
    *("persona reale", "operatore umano"),
    # Dutch
    *("mens", "medewerker", "met een mens praten", "met een medewerker spreken", "met iemand praten", "echt persoon"),
    # Polish
    *("czlowiek", "konsultant", "rozmowa z czlowiekiem", "rozmawiac z czlowiekiem", "rozmawiac z konsultantem"),
    # Turkish
    *("insan", "temsilci", "musteri temsilcisi", "bir insanla gorusmek", "gercek kisi"),
    # Russian
    *("человек", "оператор", "позовите оператора", "поговорить с человеком", "живой человек", "соедините с оператором"),
    # Arabic
    *("موظف", "انسان", "التحدث مع شخص", "التحدث مع موظف", "خدمة العملاء"),
    # Hindi
    *("इंसान", "किसी इंसान से बात", "व्यक्ति से बात"),
    # Chinese
    *("人工", "转人工", "人工客服", "真人客服"),
    # Japanese
    *("担当者", "人間と話したい", "オペレーター"),
)
"""Phrases by which customers ask for a person, in 14 languages."""


def plain(text: str) -> str:
    """The text's words in lower case, without accents and punctuation, a space between them."""
    if text.isascii():
        return _NOT_LETTERS.sub(" ", text.lower()).strip()
    decomposed = unicodedata.normalize("NFKD", _INVISIBLE.sub("", text).casefold()).translate(_DOTLESS)
    return " ".join("".join(map(_letter, decomposed)).split())


def _letter(character: str) -> str:
    """The character where it belongs to a word, nothing for an accent, else a space.

    In the scripts of India vowels are marks, too, which are no accents: without them other words would be the same.
    """
    if unicodedata.combining(character):
        return ""
    return character if character.isalnum() or unicodedata.category(character) in ("Mc", "Mn") else " "


@lru_cache(maxsize=4096)
def _plain_phrase(phrase: str) -> str:
    """Of a phrase, which is compared with every message; of the messages themselves nothing is kept."""
    return plain(phrase)


def is_one_of(text: str, phrases: Iterable[str]) -> bool:
    """Whether the text says one of the phrases and nothing else."""
    if len(text) > LONGEST:
        return False
    plain_text = plain(text)
    return bool(plain_text) and any(plain_text == _plain_phrase(phrase) for phrase in phrases)


def asks_for(text: str, phrases: Sequence[str]) -> bool:
    """Whether the text has one of the phrases in it, or is one that is a single word.

    A word alone, such as "agent", may be about anything in a longer text.
    """
    if len(text) > LONGEST:
        return False
    plain_text = plain(text)
    whole, within = _forms(tuple(phrases))
    return plain_text in whole or within.search(plain_text) is not None


@lru_cache(maxsize=256)
def _forms(phrases: tuple[str, ...]) -> tuple[frozenset[str], re.Pattern[str]]:
    """The phrases as whole texts, and a pattern of those that count within a longer one, too."""
    plain_phrases = frozenset(map(_plain_phrase, phrases)) - {""}
    within = [pattern for phrase in sorted(plain_phrases) if (pattern := _within(phrase))]
    return plain_phrases, re.compile("|".join(within) or "(?!)")


def _within(phrase: str) -> str | None:
    if _UNSPACED.search(phrase):
        return re.escape(phrase) if len(phrase) >= _SHORTEST_UNSPACED else None
    return rf"(?<!\S){re.escape(phrase)}(?!\S)" if " " in phrase else None
