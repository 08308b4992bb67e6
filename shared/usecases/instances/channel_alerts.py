"""Notifying a tenant that a channel stopped working: once per change, in the commit that changes it."""

from __future__ import annotations

from datetime import datetime

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.ids import new_id
from shared.domain.instances import Instance, InstanceStatus
from shared.domain.notifications import Notification
from shared.domain.status_details import StatusDetail
from shared.usecases.instances.instance_documents import label
from shared.usecases.reporting import notifications

_MAX_CHARACTERS = 500


def add_alert(
    deps: Deps,
    unit: UnitOfWork,
    before: Instance,
    status: InstanceStatus,
    detail: StatusDetail | None,
    now: datetime,
) -> None:
    """Add a notification when the instance's new status says that it has failed or lost its connection."""
    failed = status is InstanceStatus.ERROR and before.status is not InstanceStatus.ERROR
    disconnected = status is InstanceStatus.DISCONNECTED and before.status is InstanceStatus.CONNECTED
    if not failed and not disconnected:
        return
    problem = "reports an error" if failed else "was disconnected"
    message = f"{label(before)} {problem}{f': {detail}' if detail else ''}"
    notifications.add(
        deps,
        unit,
        Notification(
            id=new_id(),
            tenant_id=before.tenant_id,
            type="channel_error",
            title="Channel Error" if failed else "Channel Disconnected",
            message=message[:_MAX_CHARACTERS],
            created_at=now,
        ),
    )
