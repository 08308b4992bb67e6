"""What a provider's message holds, once it is read: the part of `MessageReceived` that is no address and no time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shared.domain.content import NO_CONTENT, Content
from shared.domain.messages import Attachment, MessageKind


@dataclass(frozen=True, slots=True)
class Contents:
    kind: MessageKind
    text: str | None = None
    attachments: tuple[Attachment, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)
    content: Content = NO_CONTENT


def short(text: str | None) -> str | None:
    """A name or a title, up to a length that none reaches; None for one that is empty."""
    return text[:1_000] if text else None
