"""Notifications for the people who run a tenant."""

from __future__ import annotations

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.notifications import Notification
from shared.errors import AlreadyExists
from shared.usecases import realtime


def notify_once(deps: Deps, notification: Notification) -> None:
    """Add a notification, and tell the dashboards, unless there is one with its id already."""
    unit = UnitOfWork(deps.store)
    unit.notifications.add(notification)
    try:
        unit.commit()
    except AlreadyExists:
        return
    realtime.notification_created(deps, notification)
