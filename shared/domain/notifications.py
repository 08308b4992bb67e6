"""What the hub tells the people who run it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class Notification(BaseModel):
    """`conversation_id` is the conversation that it is about, if it is about one."""

    id: str
    tenant_id: str
    type: str
    title: str
    message: str
    conversation_id: str | None = None
    read: bool = False
    created_at: datetime
