"""A person's notifications."""

from __future__ import annotations

from flask import Response
from flask_openapi import Tag
from pydantic import BaseModel, Field

from functions.omnichat.customer_schemas import PageQuery
from functions.omnichat.inbox_schemas import person_id
from functions.omnichat.realtime_schemas import NoticeOut
from functions.omnichat.schemas import Done, Wire
from functions.omnichat.vocabulary import VOCABULARY
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.guards import Access, caller, own_marks, protect
from shared.usecases.reporting import personal_notifications
from shared.usecases.reporting.personal_notifications import Notice

api = APIBlueprint(
    "omnichat_notifications",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/api/notifications",
    abp_tags=[Tag(name="OmniChat notifications")],
)
cors(api)
protect(api, Access.CREDENTIAL)


class NotificationPath(BaseModel):
    id: str = Field(max_length=64)


class NoticeRow(NoticeOut):
    """A notification, and whether the person who calls has read it."""

    read: bool

    @classmethod
    def of_notice(cls, notice: Notice) -> NoticeRow:
        notification = NoticeOut.of(notice.notification)
        return cls(**notification.model_dump(by_alias=False), read=notice.is_read)


class NoticesOut(Wire):
    """The latest first."""

    notifications: list[NoticeRow]
    next_cursor: str | None


@api.get("", responses={200: NoticesOut})
def list_notifications(query: PageQuery) -> Response:
    """List the notifications for everybody and for the person who calls, the latest first."""
    page, cursor = personal_notifications.list_page(
        deps(), caller().tenant_id, person_id(caller()), query.limit, query.cursor
    )
    return answer(NoticesOut(notifications=[NoticeRow.of_notice(notice) for notice in page], next_cursor=cursor))


@api.put("/read", responses={200: Done})
@own_marks
def mark_all_read() -> Response:
    """Mark all notifications as read, for the person who calls alone."""
    personal_notifications.mark_all_read(deps(), caller().tenant_id, person_id(caller()))
    return answer(Done())


@api.put("/<id>/read", responses={200: Done})
@own_marks
def mark_read(path: NotificationPath) -> Response:
    """Mark a notification as read, for the person who calls alone."""
    personal_notifications.mark_read(deps(), caller().tenant_id, person_id(caller()), path.id)
    return answer(Done())
