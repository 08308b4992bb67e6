"""What a customer is told who writes so much that automatic answers pause."""

from __future__ import annotations

from collections.abc import Mapping

_NOTICES: Mapping[str, str] = {
    "en": "You have sent many messages in a short time. Automatic answers pause now; somebody will get back to you.",
    "pt": "Você enviou muitas mensagens em pouco tempo. As respostas automáticas estão pausadas; alguém vai responder.",
    "es": "Ha enviado muchos mensajes en poco tiempo. Las respuestas automáticas están en pausa; alguien responderá.",
    "fr": "Vous avez envoyé beaucoup de messages en peu de temps. Les réponses automatiques sont en pause ; "
    "quelqu'un vous répondra.",
    "de": "Sie haben in kurzer Zeit viele Nachrichten geschickt. Automatische Antworten pausieren; jemand meldet sich.",
    "it": "Ha inviato molti messaggi in poco tempo. Le risposte automatiche sono in pausa; qualcuno le risponderà.",
}


def notice(language: str | None) -> str:
    """The notice in a language (`pt`, `pt-BR`); in English where there is none."""
    return _NOTICES.get((language or "")[:2].lower(), _NOTICES["en"])
