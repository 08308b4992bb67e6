"""What the hub tells the people who run it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class Notification(BaseModel):
    """`conversation_id` is the conversation that it is about, `user_id` the only person whom it is for."""

    id: str
    tenant_id: str
    type: str
    title: str
    message: str
    read: bool = False
    conversation_id: str | None = None
    user_id: str | None = None
    created_at: datetime
