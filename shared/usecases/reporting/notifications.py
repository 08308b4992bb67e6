"""Telling the people who run a tenant that something needs them."""

from __future__ import annotations

from shared.deps import Deps
from shared.domain.notifications import Notification
from shared.errors import AlreadyExists
from shared.ports.store import Create
from shared.usecases import refs


def creation(notification: Notification) -> Create:
    """The write that makes a notification, for use inside another commit."""
    return Create(refs.notification(notification.id), notification.model_dump())


def notify_once(deps: Deps, notification: Notification) -> None:
    """Create a notification unless one with its id is there already."""
    try:
        deps.store.commit([creation(notification)])
    except AlreadyExists:
        return
