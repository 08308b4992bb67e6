"""Notifications for the people who run a tenant."""

from __future__ import annotations

from contextlib import suppress

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.notifications import Notification
from shared.errors import AlreadyExists
from shared.ports.store import Create, Ref


def creation(notification: Notification) -> Create:
    """The write that adds a notification, for a commit that is not a unit of work yet."""
    return Create(Ref("notifications", notification.id), notification.model_dump())


def notify_once(deps: Deps, notification: Notification) -> None:
    """Add a notification unless there is one with its id already."""
    unit = UnitOfWork(deps.store)
    unit.notifications.add(notification)
    with suppress(AlreadyExists):
        unit.commit()
