"""Notifying a tenant that messages wait, because no process holds the account's connection."""

from __future__ import annotations

from datetime import timedelta

from shared.channelkit.auth import AuthState
from shared.channels import channel
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.ids import stable_id
from shared.domain.notifications import Notification
from shared.domain.outbox import OutboxItem, OutboxStatus
from shared.usecases.instances import instance_lookup
from shared.usecases.instances.instance_documents import label
from shared.usecases.reporting.notifications import notify_once

GRACE = timedelta(minutes=10)
"""How long messages may wait before the tenant is notified; a process that takes over needs about a minute."""


class MissingHolders:
    """Checks in one run of the sweep: each account is checked once, however many messages wait for it."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._checked_ids: set[str] = set()

    def check(self, item: OutboxItem) -> None:
        """Notify the tenant, once per outage, if the item waits for a connection that no process holds."""
        instance_id = item.instance_id
        is_waiting = item.status is OutboxStatus.PENDING and item.created_at <= self._deps.now() - GRACE
        if not is_waiting or instance_id in self._checked_ids:
            return
        self._checked_ids.add(instance_id)
        instance = instance_lookup.find_cached(self._deps, instance_id=instance_id)
        if instance is None or channel(instance.adapter).runtime != "socket":
            return
        login = UnitOfWork(self._deps.store).channel_auth.owned_or_none(instance.tenant_id, instance_id)
        if login is None or login.state is not AuthState.CONNECTED or login.lease_expires_at > self._deps.now() - GRACE:
            return
        notify_once(
            self._deps,
            Notification(
                id=stable_id("unheld", instance_id, login.lease_expires_at.isoformat()),
                tenant_id=instance.tenant_id,
                type="channel_error",
                title="Channel Not Connected",
                message=f"{label(instance)}: messages wait, because no process holds its connection",
                created_at=self._deps.now(),
            ),
        )
