"""Words of customers that mean something to the hub itself: that they want a person, no messages any more, or again.

Texts are compared without case, accents and punctuation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 200
"""Characters of a text that is looked through; a longer one is for whoever answers to understand."""

_NOT_LETTERS = re.compile(r"[\W_]+")
_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
"""What stands between letters and is not seen."""
_UNDECOMPOSED = str.maketrans({"\u0131": "i", "\u0142": "l", "\u00f8": "o", "\u0111": "d"})
"""Letters with a stroke, whose stroke is no accent to Unicode, and the one that in Turkish capitals cannot be told from
ours.
"""
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff]")
"""Letters of scripts that put no spaces between words: Thai, Japanese, Chinese."""
_SHORTEST_UNSPACED = 3
_HANGUL = re.compile(r"[\u1100-\u11ff]")
"""Korean's letters, whose words have endings of many kinds: of several words the beginnings are compared."""


def _requests(ways: str, persons: str) -> tuple[str, ...]:
    """Each way of asking with each word for a person."""
    return tuple(f"{way} {person}" for way in ways.split(", ") for person in persons.split(", "))


PERSON = (
    # English
    *("human", "agent", "operator", "representative", "real person", "human agent", "human being"),
    *("live agent", "live person", "human support", "support agent", "talk to someone", "speak to someone"),
    *("talk to somebody", "speak to somebody", "speak with someone", "talk with someone", "customer service"),
    *_requests(
        "talk to, talk with, speak to, speak with, chat with, connect me to, connect me with, transfer me to",
        "a human, human, a person, a real person, an agent, agent, a human agent, a live agent, a representative, "
        "representative, an operator, customer service, customer support",
    ),
    *_requests("i want, i need, give me, get me", "a human, a person, an agent, a human agent, a representative"),
    # Portuguese
    *("humano", "atendente", "operador", "atendimento humano", "pessoa real", "falar com alguem"),
    *_requests("falar com, conversar com, quero", "atendente, um atendente, uma atendente, humano, um humano"),
    *_requests("falar com, conversar com", "uma pessoa, pessoa, um operador, uma pessoa real"),
    # Spanish
    *("humano", "agente", "operador", "asesor", "persona real", "agente humano", "atencion humana"),
    *("hablar con alguien", "servicio al cliente"),
    *_requests(
        "hablar con, comunicarme con, quiero",
        "un humano, humano, un agente, agente, un asesor, asesor, un operador, una persona",
    ),
    # French
    *("humain", "conseiller", "conseillere", "operateur", "vraie personne", "parler a quelqu un"),
    *("parler avec quelqu un", "service client"),
    *_requests(
        "parler a, parler avec, je veux, je voudrais",
        "un humain, une personne, un conseiller, une conseillere, un agent, un operateur",
    ),
    # German
    *("mensch", "menschen", "mitarbeiter", "mitarbeiterin", "kundenservice", "echter mensch", "echten menschen"),
    *_requests("mit", "jemandem sprechen, jemandem reden"),
    *(
        f"mit {person} {way}"
        for person in ("einem menschen", "einem mitarbeiter", "einer mitarbeiterin", "einer person", "einem berater")
        for way in ("sprechen", "reden", "chatten", "verbinden")
    ),
    # Italian
    *("umano", "operatore", "operatrice", "persona reale", "operatore umano", "parlare con qualcuno"),
    *_requests("parlare con, voglio", "una persona, un operatore, un umano, un agente, operatore"),
    # Dutch
    *("mens", "medewerker", "echt persoon", "met iemand praten", "met iemand spreken", "klantenservice"),
    *(
        f"{person} {way}"
        for person in ("een mens", "een medewerker", "een persoon")
        for way in ("praten", "spreken", "chatten")
    ),
    # Polish
    *("czlowiek", "czlowiekiem", "konsultant", "konsultantem", "rozmowa z czlowiekiem", "rozmowa z konsultantem"),
    *_requests("rozmawiac z, porozmawiac z, polacz z, polacz mnie z", "czlowiekiem, konsultantem, kims, osoba"),
    # Turkish
    *("insan", "temsilci", "musteri temsilcisi", "gercek kisi", "temsilciye baglan", "canli destek"),
    *_requests("bir insanla, biriyle, temsilciyle, bir temsilciyle", "gorusmek, konusmak"),
    # Russian
    *("человек", "оператор", "менеджер", "позовите оператора", "живой человек"),
    *_requests("поговорить с, говорить с, соедините с, связаться с", "человеком, оператором, менеджером"),
    # Arabic
    *("موظف", "انسان", "خدمة العملاء"),
    *_requests("التحدث مع, التحدث الى, التكلم مع, اريد", "شخص, موظف, انسان"),
    # Hindi
    *("इंसान", "एजेंट", "किसी इंसान से बात", "इंसान से बात", "व्यक्ति से बात", "एजेंट से बात"),
    # Indonesian
    *("manusia", "operator", "petugas", "bicara dengan seseorang", "layanan pelanggan"),
    *_requests("bicara dengan, berbicara dengan", "orang, manusia, petugas, operator, agen"),
    # Chinese
    *("人工", "转人工", "轉人工", "人工客服", "真人客服", "真人", "找客服", "和真人", "跟真人"),
    # Japanese
    *("担当者", "人間と話したい", "人と話したい", "オペレーター"),
    # Korean
    *("상담원", "상담사", "사람과 이야기", "사람과 대화", "상담원 연결", "상담원과", "상담원 바꿔"),
)
"""Phrases by which customers ask for a person, in 16 languages."""

_COURTESY = (
    *("please", "pls", "plz", "kindly", "thanks", "thank you", "hi", "hello", "por favor", "pf", "pfv", "obrigado"),
    *("obrigada", "gracias", "s il vous plait", "s il te plait", "svp", "stp", "merci", "bitte", "danke", "hallo"),
    *("per favore", "per piacere", "grazie", "alsjeblieft", "alstublieft", "aub", "bedankt", "prosze", "dziekuje"),
    *("lutfen", "tesekkurler", "пожалуиста", "спасибо", "من فضلك", "لو سمحت", "कृपया", "tolong", "terima kasih"),
    *("vennligst", "tack", "takk", "tak", "prosim", "dekuji"),
)
_ARTICLES = (
    *("a", "an", "the", "um", "uma", "un", "una", "une", "unos", "des", "ein", "eine", "einen", "einem", "einer"),
    *("il", "lo", "la", "le", "el", "uno", "een"),
)


def _without(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\S)(?:{'|'.join(map(re.escape, words))})(?!\S)")


_COURTEOUS = _without(_COURTESY)
_COURTEOUS_OR_ARTICLE = _without((*_COURTESY, *_ARTICLES))


def plain(text: str) -> str:
    """The text's words in lower case, without accents and punctuation, a space between them."""
    if text.isascii():
        return _NOT_LETTERS.sub(" ", text.lower()).strip()
    decomposed = unicodedata.normalize("NFKD", _INVISIBLE.sub("", text).casefold()).translate(_UNDECOMPOSED)
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


def without_courtesy(plain_text: str) -> str:
    """Plain words without "please" and "thank you", in the languages of `PERSON` and some more."""
    return " ".join(_COURTEOUS.sub(" ", plain_text).split())


def asks_for(text: str, phrases: Sequence[str]) -> bool:
    """Whether the text has one of the phrases in it, or is one that is a single word, courtesy and articles aside.

    A word alone, such as "agent", may be about anything in a longer text.
    """
    if len(text) > LONGEST:
        return False
    plain_text = plain(text)
    alone = " ".join(_COURTEOUS_OR_ARTICLE.sub(" ", plain_text).split())
    forms = _forms(tuple(phrases))
    return plain_text in forms.whole or alone in forms.whole or forms.are_within(plain_text)


@dataclass(frozen=True, slots=True)
class _Forms:
    """Phrases as whole texts, and those that count within a longer one: several words, or a script without blanks."""

    whole: frozenset[str]
    several: frozenset[str]
    unspaced: Sequence[str]
    longest: int

    def are_within(self, plain_text: str) -> bool:
        words = plain_text.split(" ")
        runs = (
            " ".join(words[begin : begin + length])
            for length in range(2, min(self.longest, len(words)) + 1)
            for begin in range(len(words) - length + 1)
        )
        return any(run in self.several for run in runs) or any(phrase in plain_text for phrase in self.unspaced)


@lru_cache(maxsize=256)
def _forms(phrases: tuple[str, ...]) -> _Forms:
    whole = frozenset(map(_plain_phrase, phrases)) - {""}
    unspaced = [each for each in whole if _is_unspaced(each)]
    several = frozenset(each for each in whole if " " in each).difference(unspaced)
    longest = max((each.count(" ") + 1 for each in several), default=0)
    return _Forms(whole, several, unspaced, longest)


def _is_unspaced(phrase: str) -> bool:
    """Whether it counts wherever it stands in a text."""
    if _HANGUL.search(phrase):
        return " " in phrase
    return bool(_UNSPACED.search(phrase)) and len(phrase) >= _SHORTEST_UNSPACED
