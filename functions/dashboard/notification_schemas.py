"""The Dashboard's wire forms of notifications."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from functions.dashboard.schemas import MAX_PAGE
from shared.domain.notifications import Notification
from shared.http.described import DescribedByFields
from shared.http.times import WholeSeconds


class NotificationOut(DescribedByFields):
    """Something that needs somebody: `session_alert`, `message_dead`, `agent_failed`, `channel_error` and others.

    `session_id` is the session that it is about, left out where it is about none.
    """

    id: str
    type: str
    title: str
    message: str
    read: bool
    session_id: str | None = None
    created_at: WholeSeconds

    @classmethod
    def of(cls, notification: Notification) -> NotificationOut:
        fields = notification.model_dump(include=set(cls.model_fields))
        return cls(**fields, session_id=notification.conversation_id)

    @model_serializer(mode="wrap")
    def _without_session(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if name != "session_id" or value is not None}


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
