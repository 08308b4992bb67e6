"""What sending to any HTTP provider has in common: sorting refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import ProviderError, ProviderRejected, ProviderUnavailable
from shared.outgoing import Answer

_TEMPORARY = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a call; `code` and `message` explain a refusal."""

    answer: Answer
    body: Mapping[str, Any]
    code: int = 0
    message: str = ""


def refusal(
    provider: str, answer: Answer, reason: str, *, temporary: bool | None = None, retry_after: float | None = None
) -> ProviderError:
    """The error that an unsuccessful answer amounts to.

    Without word from the provider (`temporary`) the HTTP status decides: 408,
    425, 429 and 5xx pass, all others are final.
    """
    if temporary is None:
        temporary = answer.status >= 500 or answer.status in _TEMPORARY
    if not temporary:
        return ProviderRejected(provider, reason)
    return ProviderUnavailable(provider, reason, answer.retry_after if retry_after is None else retry_after)
