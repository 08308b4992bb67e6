"""The words by which customers opt out of automatic messages and in again, and what they are told then."""

from __future__ import annotations

from collections.abc import Mapping

from shared.domain.keywords import is_one_of, plain
from shared.domain.kinds import Consent

LONGEST = 40
"""Characters of a text that may be such a word; it has to be the whole text."""


_OPT_OUT: Mapping[str, tuple[str, ...]] = {
    "en": ("stop", "stop all", "stopall", "unsubscribe", "opt out", "optout", "opt-out"),
    "pt": ("parar", "pare", "sair", "descadastrar", "cancelar inscrição", "não quero receber"),
    "es": ("baja", "darme de baja", "dar de baja", "alto", "cancelar suscripción", "no recibir"),
    "fr": ("arrêt", "arrêter", "arrêtez", "désabonner", "me désabonner", "désinscription"),
    "de": ("stopp", "abmelden", "abbestellen", "austragen"),
    "it": ("basta", "disiscrivimi", "cancellami", "annulla iscrizione"),
    "nl": ("afmelden", "uitschrijven", "stoppen"),
    "pl": ("wypisz", "rezygnuję", "zatrzymaj"),
    "tr": ("ret", "iptal et", "abonelikten çık", "durdur"),
    "id": ("berhenti",),
    "ru": ("стоп", "отписаться", "отписка", "отпишите"),
    "ar": ("توقف", "إلغاء الاشتراك", "الغاء"),
    "hi": ("रोकें", "बंद करें"),
    "zh": ("退订", "停止", "取消订阅"),
    "ja": ("停止", "配信停止", "解除"),
}
_OPT_IN: Mapping[str, tuple[str, ...]] = {
    "en": ("start", "unstop", "subscribe", "opt in", "optin", "opt-in"),
    "pt": ("iniciar", "começar", "voltar", "inscrever"),
    "es": ("alta", "darme de alta", "empezar", "suscribirme"),
    "fr": ("reprendre", "commencer", "abonner", "m'abonner"),
    "de": ("starten", "anmelden"),
    "it": ("inizia", "iscrivimi"),
    "nl": ("aanmelden", "inschrijven"),
    "pl": ("zapisz", "wznów"),
    "tr": ("başlat", "abone ol"),
    "id": ("mulai",),
    "ru": ("старт", "подписаться"),
    "ar": ("ابدأ", "اشتراك"),
    "hi": ("शुरू करें",),
    "zh": ("开始", "订阅"),
    "ja": ("開始", "再開"),
}
_CONFIRMATIONS: Mapping[str, tuple[str, str]] = {
    "en": (
        "You will get no more automatic messages here. Send START to get them again.",
        "You will get messages here again. Send STOP to end them.",
    ),
    "pt": (
        "Você não receberá mais mensagens automáticas aqui. Envie INICIAR para voltar a recebê-las.",
        "Você voltará a receber mensagens aqui. Envie SAIR para parar.",
    ),
    "es": (
        "Ya no recibirá mensajes automáticos aquí. Envíe ALTA para volver a recibirlos.",
        "Volverá a recibir mensajes aquí. Envíe BAJA para dejar de recibirlos.",
    ),
    "fr": (
        "Vous ne recevrez plus de messages automatiques ici. Envoyez REPRENDRE pour les recevoir à nouveau.",
        "Vous recevrez à nouveau des messages ici. Envoyez ARRET pour les arrêter.",
    ),
    "de": (
        "Sie erhalten hier keine automatischen Nachrichten mehr. Mit START erhalten Sie sie wieder.",
        "Sie erhalten hier wieder Nachrichten. Mit STOPP enden sie.",
    ),
    "it": (
        "Qui non riceverà più messaggi automatici. Invii INIZIA per riceverli di nuovo.",
        "Qui riceverà di nuovo messaggi. Invii BASTA per interromperli.",
    ),
}
"""By language, after opting out and after opting in; in other languages the English one."""


def _by_word(words_by_language: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The language of each word; of one that several have, the first."""
    languages: dict[str, str] = {}
    for language, phrases in words_by_language.items():
        for phrase in phrases:
            languages.setdefault(plain(phrase), language)
    return languages


_LANGUAGES = {Consent.OPT_OUT: _by_word(_OPT_OUT), Consent.OPT_IN: _by_word(_OPT_IN)}


def says(text: str | None, consent: Consent, own_words: list[str] | None) -> bool:
    """Whether a text opts out, or in, by the hub's words or, where there are some, by the channel's own."""
    if not text or len(text) > LONGEST:
        return False
    if own_words is not None:
        return is_one_of(text, own_words)
    return plain(text) in _LANGUAGES[consent]


def confirmation(text: str | None, consent: Consent) -> str:
    """What the customer is told, in the language of their word."""
    language = _LANGUAGES[consent].get(plain(text or ""), "en")
    opted_out, opted_in = _CONFIRMATIONS.get(language, _CONFIRMATIONS["en"])
    return opted_out if consent is Consent.OPT_OUT else opted_in
