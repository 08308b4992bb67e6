"""What customers say in recordings, as words: for whoever answers, and kept for people."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from shared.answering.transcription import can_transcribe, transcribe
from shared.answering.turns import Turn
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.messages import Message, MessageKind
from shared.errors import HubError
from shared.usecases.conversations import media

log = logging.getLogger(__name__)

MOST = 3
"""Recordings that are transcribed for one answer, the latest messages' first."""

LONGEST = 20_000
"""Characters of a transcript that are kept."""


def transcribed(deps: Deps, turn: Turn) -> Turn:
    """The turn with the words of what is to be answered; a recording without any is left as it is."""
    transcripts: dict[str, str] = {}
    room = MOST
    for message in reversed(_untranscribed(deps, turn)):
        numbers = _recordings(message)[:room]
        room -= len(numbers)
        transcript = _transcript(deps, message, numbers)
        if transcript:
            transcripts[message.id] = transcript
            _keep(deps, turn, message.id, transcript)
    if not transcripts:
        return turn
    return replace(turn, history=[_with(message, transcripts.get(message.id)) for message in turn.history])


def _untranscribed(deps: Deps, turn: Turn) -> list[Message]:
    if deps.settings.openai_transcription_model is None:
        return []
    return [message for message in turn.to_answer if _recordings(message) and not _has_words(message)][-MOST:]


def _recordings(message: Message) -> list[int]:
    """Which of the attachments are recordings. A mail may have a hundred."""
    return [number for number, each in enumerate(message.attachments) if each.type is MessageKind.AUDIO]


def _has_words(message: Message) -> bool:
    """Some providers transcribe voice messages themselves."""
    return bool(message.content.transcript or message.text)


def _transcript(deps: Deps, message: Message, numbers: Sequence[int]) -> str:
    texts = (_speech(deps, message, number) for number in numbers)
    return " ".join(filter(None, texts))[:LONGEST]


def _speech(deps: Deps, message: Message, number: int) -> str:
    try:
        blob = media.fetch(deps, message.tenant_id, f"{message.id}-{number}")
        mime_type = blob.mime_type.partition(";")[0]
        return transcribe(deps, message.tenant_id, blob.content, mime_type) if can_transcribe(deps, mime_type) else ""
    except HubError as error:
        log.warning("a recording is not transcribed", extra={"message_id": message.id, "why": error.detail})
        return ""


def _keep(deps: Deps, turn: Turn, message_id: str, transcript: str) -> None:
    def attempt(unit: UnitOfWork) -> None:
        message = unit.messages.owned(turn.conversation.tenant_id, message_id)
        message.content = message.content.model_copy(update={"transcript": transcript})

    run_with_retry(deps, attempt)


def _with(message: Message, transcript: str | None) -> Message:
    if transcript is None:
        return message
    return message.model_copy(update={"content": message.content.model_copy(update={"transcript": transcript})})
