"""What is said in a recording, from the language model's service.

https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

from __future__ import annotations

from shared.answering.budget import CHARACTERS_PER_TOKEN, NAME, Tokens, reserve
from shared.answering.model_calls import ask
from shared.answering.turns import clean
from shared.channelkit.multipart import multipart
from shared.deps import Deps
from shared.errors import ProviderUnavailable

_TIMEOUT = 30.0

BYTES_PER_TOKEN = 100
"""A minute of a voice message has about 120 KB, and about 1,200 tokens."""

# The service tells a recording's form by the name of its file.
_ENDINGS = {
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/x-m4a": "m4a",
    "audio/aac": "m4a",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/webm": "webm",
    "audio/flac": "flac",
}


def can_transcribe(deps: Deps, mime_type: str) -> bool:
    """Whether the deployment has recordings of that type transcribed."""
    settings = deps.settings
    return mime_type in _ENDINGS and None not in (settings.openai_transcription_model, settings.openai_api_key)


def transcribe(deps: Deps, tenant_id: str, recording: bytes, mime_type: str) -> str:
    """The words of a recording, empty where there are none. Raises a `ProviderError`, also for a used-up budget."""
    model = deps.settings.openai_transcription_model or ""
    form = {"model": model, "response_format": "json"}
    body, content_type = multipart(form, recording, mime_type, f"recording.{_ENDINGS[mime_type]}")
    tokens = len(recording) // BYTES_PER_TOKEN
    reservation = reserve(deps, tenant_id, model, tokens)
    answer = ask(deps, reservation, "/audio/transcriptions", body, _TIMEOUT, {"Content-Type": content_type})
    if not answer.ok:
        raise ProviderUnavailable(NAME, f"did not transcribe: status {answer.status}", answer.retry_after)
    content = answer.json()
    text = content.get("text") if isinstance(content, dict) else None
    if not isinstance(text, str):
        raise ProviderUnavailable(NAME, "answered without a transcript")
    transcript = clean(text).strip()
    reservation.settle(Tokens(tokens, len(transcript) // CHARACTERS_PER_TOKEN))
    return transcript
