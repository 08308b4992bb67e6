"""Where the documents lie that more than one part of the hub reads or writes, and how their ids are made.

What belongs to one part alone (an instance's names, accounts, teams, forge
settings, …) has its reference in that part's own module.
"""

from __future__ import annotations

from datetime import date, datetime

from shared.domain.ids import stable_id
from shared.ports.store import Ref


def tenant(tenant_id: str) -> Ref:
    return Ref("tenants", tenant_id)


def instance(instance_id: str) -> Ref:
    return Ref("instances", instance_id)


def identity(instance_id: str, key: str) -> Ref:
    """One address on one instance; two first messages in parallel meet here."""
    return Ref("identities", stable_id(instance_id, key))


def customer(customer_id: str) -> Ref:
    return Ref("customers", customer_id)


def customer_tag(tenant_id: str, tag: str, customer_id: str) -> Ref:
    return Ref("customer_tags", stable_id(tenant_id, tag, customer_id))


def customer_merge(merge_id: str) -> Ref:
    return Ref("customer_merges", merge_id)


def conversation(conversation_id: str) -> Ref:
    return Ref("conversations", conversation_id)


def message(message_id: str) -> Ref:
    return Ref("messages", message_id)


def provider_message(instance_id: str, external_message_id: str) -> Ref:
    """The document in which everything about one provider message meets, in whatever order it comes."""
    return Ref("messages", stable_id(instance_id, external_message_id))


def call(instance_id: str, external_call_id: str) -> Ref:
    return Ref("calls", stable_id(instance_id, external_call_id))


def routing_rules(tenant_id: str) -> Ref:
    """All rules of a tenant."""
    return Ref("routing_rules", tenant_id)


def rating(conversation_id: str) -> Ref:
    return Ref("ratings", conversation_id)


def campaign(campaign_id: str) -> Ref:
    return Ref("campaigns", campaign_id)


def campaign_counter(campaign_id: str, customer_id: str) -> Ref:
    """The counters of a campaign that a customer's doings raise."""
    return campaign_counters(campaign_id)[int(stable_id(customer_id)[:4], 16) % STATS_SHARDS]


def campaign_counters(campaign_id: str) -> list[Ref]:
    """All of a campaign's counters; many customers answer at once."""
    return [Ref("campaign_counters", stable_id(campaign_id, str(shard))) for shard in range(STATS_SHARDS)]


def campaign_conversion(campaign_id: str, customer_id: str) -> Ref:
    return Ref("campaign_conversions", stable_id(campaign_id, customer_id))


def outbox(message_id: str) -> Ref:
    return Ref("outbox", message_id)


def notification(notification_id: str) -> Ref:
    return Ref("notifications", notification_id)


# One document takes about one write a second without contention; a busy
# instance's counters are spread over this many.
STATS_SHARDS = 8


def stats(tenant_id: str, instance_id: str, hour: datetime, conversation_id: str) -> Ref:
    """The counters of one instance in one hour; conversations are spread over shards."""
    shard = int(stable_id(conversation_id)[:4], 16) % STATS_SHARDS
    return Ref("stats", stable_id(tenant_id, instance_id, f"{hour:%Y%m%d%H}", str(shard)))


def stats_day(tenant_id: str, day: date) -> Ref:
    """A tenant's day (UTC), rolled up from its hours."""
    return Ref("stats_days", stable_id(tenant_id, f"{day:%Y%m%d}"))


def roll_up_state() -> Ref:
    """How far the roll-up of the counters has come."""
    return Ref("counters", "roll_up")
