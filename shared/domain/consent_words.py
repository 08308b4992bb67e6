"""The words by which customers opt out of automatic messages and in again, and what they are told then."""

from __future__ import annotations

from collections.abc import Mapping

from shared.domain.keywords import is_one_of, plain, without_courtesy
from shared.domain.kinds import Consent

LONGEST = 40
"""Characters of a text that may be such a word; it has to be the whole text."""


_OPT_OUT: Mapping[str, tuple[str, ...]] = {
    "en": (
        *("stop", "stop all", "stopall", "unsubscribe", "unsubscribe me", "opt out", "optout", "opt me out"),
        *("stop messaging me", "stop sending me messages", "stop texting me", "no more messages"),
    ),
    "pt": ("parar", "pare", "parem", "sair", "quero sair", "descadastrar", "cancelar inscrição", "não quero receber"),
    "es": (
        *("baja", "darme de baja", "dar de baja", "alto", "salir", "detener", "detengan", "desuscribir"),
        *("desuscribirme", "cancelar suscripción", "anular suscripción", "no recibir", "no más mensajes"),
    ),
    "fr": ("arrêt", "arrête", "arrêter", "arrêtez", "désabonner", "me désabonner", "désinscription"),
    "de": ("stopp", "abmelden", "abmeldung", "abbestellen", "austragen", "keine nachrichten mehr"),
    "it": ("basta", "disiscrivimi", "disiscrizione", "cancellami", "annulla iscrizione"),
    "nl": ("afmelden", "uitschrijven", "stoppen"),
    "pl": ("wypisz", "wypisz mnie", "rezygnuję", "zatrzymaj"),
    "tr": ("ret", "iptal et", "abonelikten çık", "durdur"),
    "id": ("berhenti", "berhenti berlangganan"),
    "ru": ("стоп", "отписаться", "отписка", "отпишите", "отпишите меня"),
    "ar": ("توقف", "إلغاء الاشتراك", "الغاء"),
    "hi": ("रोकें", "बंद करें"),
    "zh": ("退订", "退訂", "取消订阅", "取消訂閱"),
    "ja": ("停止", "配信停止", "解除"),
    "ko": ("중지", "수신거부", "수신 거부", "구독취소", "구독 취소"),
    "sv": ("avsluta", "avregistrera"),
    "da": ("afmeld", "frameld"),
    "no": ("avmeld", "avslutt"),
    "fi": ("lopeta", "peruuta tilaus"),
    "cs": ("odhlásit", "zastavit"),
    "el": ("στοπ", "διαγραφή"),
    "he": ("הסר", "עצור"),
    "th": ("หยุด", "ยกเลิกการรับ"),
    "vi": ("dừng", "hủy đăng ký"),
    "ro": ("dezabonare", "opriți"),
    "hu": ("leiratkozás", "leiratkozom"),
    "uk": ("відписатися", "відписка"),
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
    "zh": ("订阅", "訂閱", "开始"),
    "ja": ("開始", "再開"),
    "ko": ("시작", "수신동의", "구독"),
    "sv": ("starta", "prenumerera"),
    "da": ("tilmeld",),
    "no": ("abonner på",),
    "fi": ("aloita", "tilaa"),
    "cs": ("přihlásit", "spustit"),
    "el": ("εγγραφή",),
    "he": ("התחל", "הצטרף"),
    "th": ("เริ่ม",),
    "vi": ("bắt đầu", "đăng ký"),
    "ro": ("abonare",),
    "hu": ("feliratkozás",),
    "uk": ("підписатися",),
}
_BY_SMS = ("end", "quit", "cancel", "revoke")
"""Words of SMS alone, where carriers act upon them, too; elsewhere they may mean anything.

https://help.twilio.com/articles/223134027
"""
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
    "nl": (
        "U ontvangt hier geen automatische berichten meer. Stuur AANMELDEN om ze weer te ontvangen.",
        "U ontvangt hier weer berichten. Stuur AFMELDEN om ze te beëindigen.",
    ),
    "pl": (
        "Nie będziesz już otrzymywać tu automatycznych wiadomości. Wyślij WZNÓW, aby znów je otrzymywać.",
        "Znów będziesz otrzymywać tu wiadomości. Wyślij WYPISZ, aby je zakończyć.",
    ),
    "tr": (
        "Burada artık otomatik mesaj almayacaksınız. Yeniden almak için BAŞLAT yazın.",
        "Burada yeniden mesaj alacaksınız. Bitirmek için DURDUR yazın.",
    ),
    "id": (
        "Anda tidak akan menerima pesan otomatis lagi di sini. Kirim MULAI untuk menerimanya kembali.",
        "Anda akan menerima pesan lagi di sini. Kirim BERHENTI untuk menghentikannya.",
    ),
    "ru": (
        "Вы больше не будете получать здесь автоматические сообщения. Отправьте СТАРТ, чтобы снова их получать.",
        "Вы снова будете получать здесь сообщения. Отправьте СТОП, чтобы прекратить.",
    ),
    "ar": (
        "لن تصلك رسائل تلقائية هنا بعد الآن. لاستلامها من جديد أرسل: ابدأ",
        "ستصلك الرسائل هنا من جديد. لإيقافها أرسل: توقف",
    ),
    "hi": (
        "अब आपको यहाँ स्वचालित संदेश नहीं मिलेंगे। फिर से पाने के लिए भेजें: शुरू करें",
        "आपको यहाँ फिर से संदेश मिलेंगे। रोकने के लिए भेजें: रोकें",
    ),
    "zh": (
        "您在此将不再收到自动消息。如需重新接收，请发送：订阅",
        "您在此将重新收到消息。如需停止，请发送：退订",
    ),
    "ja": (
        "今後、こちらに自動メッセージは届きません。再開する場合は次の語を送信してください：開始",
        "こちらに再びメッセージが届きます。停止する場合は次の語を送信してください：停止",
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


def says(text: str | None, consent: Consent, own_words: list[str] | None, *, is_sms: bool = False) -> bool:
    """Whether a text opts out, or in, by the hub's words or, where there are some, by the channel's own.

    Courtesy aside it has to say nothing else.
    """
    if not text or len(text) > LONGEST:
        return False
    if own_words is not None:
        return is_one_of(text, own_words)
    word = _word(text)
    return word in _LANGUAGES[consent] or (is_sms and consent is Consent.OPT_OUT and word in _BY_SMS)


def confirmation(text: str | None, consent: Consent) -> str:
    """What the customer is told, in the language of their word."""
    language = _LANGUAGES[consent].get(_word(text or ""), "en")
    opted_out, opted_in = _CONFIRMATIONS.get(language, _CONFIRMATIONS["en"])
    return opted_out if consent is Consent.OPT_OUT else opted_in


def _word(text: str) -> str:
    plain_text = plain(text)
    return without_courtesy(plain_text) or plain_text
