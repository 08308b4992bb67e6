"""By which words customers ask for a person, opt out and opt in."""

from __future__ import annotations

import pytest

from shared.domain.consent_words import LONGEST as LONGEST_OPT_OUT
from shared.domain.consent_words import confirmation, says
from shared.domain.keywords import LONGEST, PERSON, asks_for, is_one_of, plain
from shared.domain.kinds import Consent

OPT_OUT, OPT_IN = Consent.OPT_OUT, Consent.OPT_IN


def test_words_are_compared_without_case_accents_and_punctuation() -> None:
    assert plain("  ¡PÁRE, por-favor!  ") == "pare por favor"
    assert plain("Straße") == "strasse"
    assert plain("?!") == ""


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("Real person!", True),
        ("a real person", False),
        ("", False),
        ("!", False),
        ("human" + "!" * (LONGEST - 5), True),
        ("human" + "!" * (LONGEST - 4), False),
    ],
)
def test_a_text_is_one_of_the_phrases_that_says_nothing_else(text: str, is_one: bool) -> None:
    assert is_one_of(text, ["real person", "human", "?"]) is is_one


ASKING = [
    *("agent please", "Human, please!", "un humain svp", "einen Mitarbeiter bitte"),
    *("I want to speak with a human", "let me speak to a representative", "i need a human", "get me an agent"),
    *("falar com humano", "quero um atendente", "quiero hablar con un asesor", "asesor", "parler à un agent svp"),
    *("ich will mit einem Menschen reden", "kann ich mit einer Person sprechen?", "voglio un operatore"),
    *("ik wil een medewerker spreken", "chcę porozmawiać z człowiekiem", "temsilciye bağlan", "biriyle konuşmak"),
    *("я хочу поговорить с оператором", "أريد موظف", "मुझे एजेंट से बात करनी है", "saya mau bicara dengan orang"),
    *("人と話したい", "我想和真人说话", "轉人工", "상담원 연결해 주세요"),
]
NOT_ASKING = [
    *("please", "thanks", "the human body is great", "agent orange", "una persona compró esto", "persoonlijk", "人"),
    *("mi asesor fiscal dice que no", "I am a person", "a person", "상담원이 불친절해요", "which operator is it?"),
]


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Agent", True),
        ("which agent sold it?", False),
        ("Can I talk to a human, please?", True),
        ("I talk to a humanist", False),
        ("请转人工", True),
        ("agents", False),
        *((text, True) for text in ASKING),
        *((text, False) for text in NOT_ASKING),
        ("?", False),
        ("human" + "!" * (LONGEST - 5), True),
        ("human" + "!" * (LONGEST - 4), False),
    ],
)
def test_a_phrase_asks_for_a_person_anywhere_and_a_word_alone(text: str, asks: bool) -> None:
    assert asks_for(text, PERSON) is asks


def test_an_empty_phrase_asks_for_nothing() -> None:
    assert not asks_for("?", ["!"])


OPTS_OUT = [
    *("PARAR", "Sair.", "baja", "ARRÊT", "arret", "Abmelden!", "BASTA", "afmelden", "Rezygnuję", "REZYGNUJE"),
    *("İPTAL ET", "ABONELIKTEN ÇIK", "berhenti", "СТОП", "إلغاء الاشتراك", "रोकें", "बंद करें।", "退订", "停止。"),
    *(
        "\uff33\uff34\uff2f\uff30",
        "\u202dSTOP\u202c",
        "st\u200bop",
        "st\u00adop",
        "\ufeffstop",
        " stop\n",
        "“stop”",
        "*STOP*",
        "/stop",
    ),
    *("STOP 🙏🏽", "🛑STOP🛑", "stop ❤️", "S\u0301TOP", "unsubscribe"),
    *(
        "please stop",
        "STOP por favor",
        "unsubscribe me, thanks",
        "arrête svp",
        "Salir",
        "退訂",
        "수신거부",
        "Odhlásit prosím",
    ),
]
"""However it is written: case, accents, punctuation, pictures, and what is not seen do not count."""
OPTS_OUT_OF_NOTHING = [
    "🛑",
    "stop it",
    "END",
    "cancel",
    "please",
    "non-stop",
    "stopped",
    "रुको",
    "बाद में करो",
    "停",
    "please don't stop",
    "don't stop",
]


@pytest.mark.parametrize(
    ("text", "own_words", "opts"),
    [
        ("STOP", None, (True, False)),
        ("Start!", None, (False, True)),
        ("stop it", None, (False, False)),
        (None, None, (False, False)),
        ("", None, (False, False)),
        ("stop" + "!" * (LONGEST_OPT_OUT - 4), None, (True, False)),
        ("stop" + "!" * (LONGEST_OPT_OUT - 3), None, (False, False)),
        *((text, None, (True, False)) for text in OPTS_OUT),
        *((text, None, (False, False)) for text in OPTS_OUT_OF_NOTHING),
        ("stop", ["enough"], (False, False)),
        ("Enough", ["enough"], (True, True)),
        ("stop", [], (False, False)),
    ],
)
def test_a_word_opts_out_or_in_by_the_hubs_list_or_the_channels(
    text: str | None, own_words: list[str] | None, opts: tuple[bool, bool]
) -> None:
    assert (says(text, OPT_OUT, own_words), says(text, OPT_IN, own_words)) == opts


@pytest.mark.parametrize(
    ("text", "consent", "beginning"),
    [
        ("STOPP", OPT_OUT, "Sie erhalten hier keine automatischen"),
        ("REPRENDRE", OPT_IN, "Vous recevrez à nouveau"),
        ("Basta!", OPT_OUT, "Qui non riceverà"),
        ("stop", OPT_OUT, "You will"),
        (None, OPT_IN, "You will"),
        ("enough", OPT_OUT, "You will"),
        ("stop bitte", OPT_OUT, "You will"),
        ("停止", OPT_OUT, "今後"),
        ("Стоп, пожалуйста", OPT_OUT, "Вы больше"),
    ],
)
def test_the_confirmation_is_in_the_language_of_the_word(text: str | None, consent: Consent, beginning: str) -> None:
    assert confirmation(text, consent).startswith(beginning)
    assert confirmation(text, OPT_OUT) != confirmation(text, OPT_IN)


@pytest.mark.parametrize("word", ["END", "Quit.", "cancel", "revoke please"])
def test_words_that_carriers_act_upon_opt_out_by_sms_alone(word: str) -> None:
    assert says(word, OPT_OUT, None, is_sms=True)
    assert not says(word, OPT_OUT, None)
    assert not says(word, OPT_IN, None, is_sms=True)
    assert not says(word, OPT_OUT, ["enough"], is_sms=True)


def test_each_confirmation_names_a_word_that_undoes_it() -> None:
    words = {
        text: confirmation(text, OPT_OUT) for text in ("stop", "sair", "baja", "arrêt", "stopp", "basta", "afmelden")
    }
    words |= {
        text: confirmation(text, OPT_OUT) for text in ("wypisz", "ret", "berhenti", "стоп", "توقف", "रोकें", "退订")
    }
    words |= {"停止": confirmation("停止", OPT_OUT)}
    assert len(set(words.values())) == len(words)
    for text, told in words.items():
        parts = plain(told).split(" ")
        named = {" ".join(parts[at : at + length]) for at in range(len(parts)) for length in (1, 2)}
        assert any(says(each, OPT_IN, None) for each in named), text


@pytest.mark.parametrize("text", ["Don't STOP -- now!", "  a_b\t3 ", "", "--", "x9 Y"])
def test_what_is_plain_already_reads_the_same_with_an_accent_beside_it(text: str) -> None:
    assert plain(f"{text} é") == f"{plain(text)} e".strip()
