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
    add(deps, unit, notification)
    try:
        unit.commit()
    except AlreadyExists:
        return
    unit.run_after_commit()


def put(deps: Deps, unit: UnitOfWork, notification: Notification) -> None:
    """As `add`, over one with its id where there is one already."""
    unit.notifications.put(notification)
    realtime.notification_created(deps, unit, notification)


def add(deps: Deps, unit: UnitOfWork, notification: Notification) -> None:
    """Add a notification with the unit's commit, which tells the dashboards."""
    unit.notifications.add(notification)
    realtime.notification_created(deps, unit, notification)
