"""The counters that dashboards read, raised in the same commit as what they count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.documents import Increment, ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.analytics import DAY, FIVE_MINUTES, HOUR, Counters, floor
from shared.domain.conversations import Conversation
from shared.domain.customers import Identity
from shared.domain.instances import ChannelType
from shared.usecases.reporting import campaign_results


@dataclass(frozen=True, slots=True)
class Source:
    """Whose counters are raised. A busy instance's are spread over shards, of which `shard_key` picks one."""

    tenant_id: str
    instance_id: str
    channel: ChannelType
    shard_key: str

    @classmethod
    def of(cls, conversation: Conversation) -> Source:
        """The instance that the conversation is on."""
        return cls(conversation.tenant_id, conversation.instance_id, conversation.channel, conversation.id)


def count(unit: UnitOfWork, source: Source, at: datetime, amounts: Counters) -> None:
    """Raise counters of the hour of `at`, and of its five minutes (`fives`, `00` to `11`)."""
    hour = floor(at, HOUR)
    fields: dict[str, object] = {
        "tenant_id": source.tenant_id,
        "instance_id": source.instance_id,
        "channel": source.channel.value,
        "hour": hour,
        "day": f"{hour:%Y-%m-%d}",
    }
    if increments := _increments(amounts):
        fields |= increments
        fields["fives"] = {f"{(at - hour) // FIVE_MINUTES:02}": increments}
    unit.hours.patch(ids.hour(source.tenant_id, source.instance_id, hour, source.shard_key), **fields)


def correct(unit: UnitOfWork, source: Source, at: datetime, now: datetime, amounts: Counters) -> None:
    """Change what was counted at an earlier time.

    A day before yesterday is not rolled up again, so its roll-up is corrected too.
    """
    count(unit, source, at, amounts)
    increments = _increments(amounts)
    if increments and at < floor(now, DAY) - DAY:
        unit.days.patch(
            ids.day(source.tenant_id, at.date()),
            hours={f"{at:%H}": {source.channel.value: increments}},
            instances={source.instance_id: increments},
        )


def count_campaign_response(unit: UnitOfWork, identity: Identity, at: datetime) -> None:
    """Count the customer's first message after a campaign's as a response to the campaign."""
    mark = identity.campaign
    if mark is not None and at <= mark.until:
        counter_id = ids.campaign_counter(mark.campaign_id, identity.customer_id)
        unit.campaign_counters.patch(counter_id, responses=Increment(1))
        campaign_results.note_answer(unit, identity, at)


def _increments(amounts: Counters) -> Mapping[str, Increment]:
    return {name: Increment(by) for name, by in amounts.nonzero().items()}
