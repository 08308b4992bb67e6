"""The audit log: who has changed what, and the chain of hashes by which a changed or missing entry is found."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from shared.domain.authors import ActorKind

START = ""
"""The hash that the first entry of a chain follows."""

NOBODYS = "deployment"
"""Whose log has what belongs to no tenant: failed sign-ins with an address that nobody has, and the operator's work."""

SIGN_IN_FAILED = "sign-in failed"


class AuditEntry(BaseModel):
    """What somebody changed with one commit, or that a sign-in failed.

    `changes` is JSON: a list of `{"collection", "id", "change", "before", "after"}`, where `change` is `created`,
    `changed` or `deleted`. `subject` is the collection that was changed in the first place. `number` counts the
    tenant's entries from 1 on; it, `previous` (the hash of the entry before) and `hash` are set when the sweep appends
    the entry to the tenant's chain, by which `is_chained` becomes true.
    """

    id: str
    tenant_id: str
    at: datetime
    actor_kind: ActorKind
    actor_id: str | None = None
    actor_name: str | None = None
    address: str = ""
    request_id: str | None = None
    action: str
    subject: str
    changes: str = "[]"
    number: int | None = None
    previous: str | None = None
    hash: str | None = None
    is_chained: bool = False

    def chain(self, number: int, previous: str) -> str:
        """Append it to the chain; returns its hash."""
        self.number, self.previous, self.is_chained = number, previous, True
        self.hash = self.expected_hash()
        return self.hash

    def expected_hash(self) -> str:
        """The hash of what the entry says now, with its place in the chain."""
        content = self.model_dump(exclude={"hash", "is_chained"}) | {"at": self.at.astimezone(UTC).isoformat()}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def change_list(self) -> list[dict[str, Any]]:
        changes: list[dict[str, Any]] = json.loads(self.changes)
        return changes


class AuditChain(BaseModel):
    """How far a tenant's chain goes: how many entries it has, and the hash of the last one."""

    tenant_id: str
    count: int = 0
    hash: str = START
