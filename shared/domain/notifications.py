"""What the hub tells the people who run it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class Notification(BaseModel):
    """`conversation_id` is the conversation that it is about, `user_id` the only person whom it is for."""

    id: str
    tenant_id: str
    type: str
    title: str
    message: str
    conversation_id: str | None = None
    read: bool = False
    user_id: str | None = None
    created_at: datetime


_MOST_READ = 500
"""Notifications that are remembered one by one as read: about as many as anybody leaves unread among them."""


class ReadNotifications(BaseModel):
    """Which of a tenant's notifications a user has read: all up to a time, and some after it. `id` is the user's."""

    id: str
    tenant_id: str
    until: datetime | None = None
    ids: list[str] = Field(default_factory=list)
    created_at: datetime

    def covers(self, notification: Notification) -> bool:
        return notification.id in self.ids or (self.until is not None and notification.created_at <= self.until)

    def note(self, notification_id: str) -> None:
        """Remember one more; the oldest mark goes where there are too many."""
        self.ids = [*self.ids, notification_id][-_MOST_READ:]
