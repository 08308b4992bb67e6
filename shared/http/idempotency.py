"""The `Idempotency-Key` header of the endpoints that send."""

from __future__ import annotations

from pydantic import BaseModel, Field


class IdempotencyHeader(BaseModel):
    """The same key with the same body gives the message accepted first; another body is a 409."""

    idempotency_key: str | None = Field(default=None, alias="Idempotency-Key", min_length=1, max_length=200)
