"""The Dashboard's wire forms of notifications."""

from __future__ import annotations

from pydantic import BaseModel, Field

from functions.dashboard.schemas import MAX_PAGE
from shared.domain.notifications import Notification
from shared.http.times import WholeSeconds


class NotificationOut(BaseModel):
    """Something that needs somebody: `session_alert`, `message_dead`, `agent_failed`, `channel_error` and others."""

    id: str
    type: str
    title: str
    message: str
    read: bool
    created_at: WholeSeconds

    @classmethod
    def of(cls, notification: Notification) -> NotificationOut:
        return cls(**notification.model_dump(include=set(cls.model_fields)))


class NotificationsOut(BaseModel):
    notifications: list[NotificationOut]


class NotificationsQuery(BaseModel):
    limit: int = Field(default=20, ge=1, le=MAX_PAGE)
    unread_only: bool = False
    cursor: str | None = Field(default=None, max_length=2048)


class NotificationPath(BaseModel):
    notification_id: str


class ReadOut(BaseModel):
    success: bool
    notification_id: str
