"""What a provider's message holds, once it is read: the part of `MessageReceived` that is no address and no time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shared.domain.messages import Attachment, MessageKind


@dataclass(frozen=True, slots=True)
class Contents:
    kind: MessageKind
    text: str | None = None
    attachments: tuple[Attachment, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)
