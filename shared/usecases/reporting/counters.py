"""The counters that dashboards read, raised in the same commit as what they count."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from shared.domain.analytics import DAY, FIVE_MINUTES, HOUR, floor
from shared.domain.instances import ChannelType
from shared.ports.store import Increment, Merge, Write
from shared.usecases import refs


def count(
    tenant_id: str,
    instance_id: str,
    channel: ChannelType,
    conversation_id: str,
    at: datetime,
    **amounts: float,
) -> Merge:
    """Raise counters of the hour of `at`, and of its five minutes (`fives`, `00` to `11`).

    The names are those of `shared.domain.analytics.Counters`.
    """
    hour = floor(at, HOUR)
    fields: dict[str, object] = {
        "tenant_id": tenant_id,
        "instance_id": instance_id,
        "channel": channel.value,
        "hour": hour,
        "day": f"{hour:%Y-%m-%d}",
    }
    if raised := _raised(amounts):
        fields |= raised
        fields["fives"] = {f"{(at - hour) // FIVE_MINUTES:02}": raised}
    return Merge(refs.stats(tenant_id, instance_id, hour, conversation_id), fields)


def correct(
    tenant_id: str,
    instance_id: str,
    channel: ChannelType,
    conversation_id: str,
    at: datetime,
    now: datetime,
    **amounts: float,
) -> list[Write]:
    """Change what was counted at an earlier time.

    A day before yesterday is not rolled up again, so its roll-up is corrected too.
    """
    writes: list[Write] = [count(tenant_id, instance_id, channel, conversation_id, at, **amounts)]
    raised = _raised(amounts)
    if raised and at < floor(now, DAY) - DAY:
        changed = {"hours": {f"{at:%H}": {channel.value: raised}}, "instances": {instance_id: raised}}
        writes.append(Merge(refs.stats_day(tenant_id, at.date()), changed))
    return writes


def _raised(amounts: Mapping[str, float]) -> dict[str, Increment]:
    return {name: Increment(by) for name, by in amounts.items() if by}
