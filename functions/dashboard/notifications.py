"""What the hub tells the people who run it."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.dashboard.notification_schemas import (
    NotificationOut,
    NotificationPath,
    NotificationsOut,
    NotificationsQuery,
    ReadOut,
)
from functions.dashboard.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.conditional import polled
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.usecases.reporting import notification_lists

api = APIBlueprint(
    "dashboard_notifications",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/notifications",
    abp_tags=[Tag(name="Dashboard notifications")],
)
cors(api)
protect(api, Access.DASHBOARD)


@api.get("", responses={200: NotificationsOut, 304: None})
def list_notifications(query: NotificationsQuery) -> Response:
    """List notifications, the newest first; the next page's cursor is in `X-Next-Cursor`."""
    page, cursor = notification_lists.list_page(
        deps(), caller().tenant_id, query.limit, query.cursor, unread_only=query.unread_only
    )
    return polled(NotificationsOut(notifications=[NotificationOut.of(notification) for notification in page]), cursor)


@api.put("/<notification_id>/read", responses={200: ReadOut, 409: Failure})
def mark_read(path: NotificationPath) -> Response:
    """Mark a notification as read; doing it again changes nothing."""
    require(Role.AGENT)
    notification_lists.mark_read(deps(), caller().tenant_id, path.notification_id)
    return answer(ReadOut(success=True, notification_id=path.notification_id))
