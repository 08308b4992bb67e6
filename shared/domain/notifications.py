"""What the hub tells the people who run it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class Notification(BaseModel):
    id: str
    tenant_id: str
    type: str
    title: str
    message: str
    read: bool = False
    created_at: datetime
