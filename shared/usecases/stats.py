"""The counters that dashboards read, raised in the same commit as what they count."""

from __future__ import annotations

from datetime import datetime

from shared.domain.instances import ChannelType
from shared.ports.store import Increment, Merge
from shared.usecases import refs


def count(
    tenant_id: str,
    instance_id: str,
    channel: ChannelType,
    conversation_id: str,
    at: datetime,
    **amounts: float,
) -> Merge:
    """Raise counters of the hour of `at`: `inbound`, `outbound`, `sessions`, `replies`, `reply_seconds`."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    identification = {
        "tenant_id": tenant_id,
        "instance_id": instance_id,
        "channel": channel.value,
        "hour": hour,
    }
    raised = {name: Increment(by) for name, by in amounts.items() if by}
    return Merge(refs.stats(tenant_id, instance_id, hour, conversation_id), identification | raised)
