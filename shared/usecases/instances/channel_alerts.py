"""Telling a tenant that a channel stopped working: once per change, in the commit that changes it."""

from __future__ import annotations

from datetime import datetime

from shared.domain.ids import new_id
from shared.domain.instances import Instance, InstanceStatus
from shared.domain.notifications import Notification
from shared.ports.store import Write
from shared.usecases.instances.instance_documents import label
from shared.usecases.reporting.notifications import creation

_MOST_TEXT = 500


def alert_writes(before: Instance, status: InstanceStatus, detail: str | None, now: datetime) -> list[Write]:
    """What to write along with an instance's new status: a notification when it failed or lost its connection."""
    failed = status is InstanceStatus.ERROR and before.status is not InstanceStatus.ERROR
    lost = status is InstanceStatus.DISCONNECTED and before.status is InstanceStatus.CONNECTED
    if not failed and not lost:
        return []
    what = "reports an error" if failed else "was disconnected"
    text = f"{label(before)} {what}{f': {detail}' if detail else ''}"
    return [
        creation(
            Notification(
                id=new_id(),
                tenant_id=before.tenant_id,
                type="channel_error",
                title="Channel Error" if failed else "Channel Disconnected",
                message=text[:_MOST_TEXT],
                created_at=now,
            )
        )
    ]
