"""For whom something is written: the person, the key or the operator who asked for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ActorKind(StrEnum):
    """Who acts. `OPEN` is somebody without a credential: who signs in, or opens an account link."""

    USER = "user"
    KEY = "key"
    OPERATOR = "operator"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Author:
    """Whoever a thread works for; their writes go into the audit log.

    `tenant_id` is empty where no credential tells it: then the log is that of what they change. `action` is what they
    do, such as `PATCH /api/agents/{id}`. `now` is the clock.
    """

    kind: ActorKind
    action: str
    now: Callable[[], datetime]
    tenant_id: str = ""
    id: str | None = None
    name: str | None = None
    address: str = ""
