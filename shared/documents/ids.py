"""How the ids of documents are made that are found without a query.

One made of what it stands for is the same however often a request is repeated, and lets the store refuse a second
document of its kind.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from shared.domain.ids import stable_id
from shared.security.tokens import fingerprint

COUNTER_SHARDS = 8
"""A document takes about one write a second without contention; counters are spread over this many."""

_MAX_ID = 1000
"""Firestore takes ids of 1500 bytes (https://firebase.google.com/docs/firestore/quotas)."""

INSTANCE_SEQUENCE = "instances"
ROLL_UP = "roll_up"


def identity(instance_id: str, key: str) -> str:
    """An address on an instance; two first messages in parallel meet here."""
    return stable_id(instance_id, key)


def provider_message(instance_id: str, external_message_id: str) -> str:
    """Everything about one provider message meets here, in whatever order it comes."""
    return stable_id(instance_id, external_message_id)


def file_copy(message_id: str, number: int, url: str | None, extra: Mapping[str, Any]) -> str:
    """The copy of a message's attachment; an edit that puts another file there makes another id."""
    return stable_id("file", message_id, str(number), url or "", json.dumps(extra, sort_keys=True, default=str))


def stored_content(tenant_id: str, sha256: str) -> str:
    return stable_id("content", tenant_id, sha256)


def call(instance_id: str, external_call_id: str) -> str:
    return stable_id(instance_id, external_call_id)


def customer_tag(tenant_id: str, tag: str, customer_id: str) -> str:
    return stable_id(tenant_id, tag, customer_id)


def message_template(instance_id: str, name: str, language: str) -> str:
    return stable_id("template", instance_id, name, language)


def conversation_tag(tenant_id: str, tag: str, conversation_id: str) -> str:
    return stable_id("conversation tag", tenant_id, tag, conversation_id)


def canned_reply_code(tenant_id: str, short_code: str) -> str:
    return stable_id("canned reply", tenant_id, short_code)


def team_name(tenant_id: str, name: str) -> str:
    """Upper and lower case, and how much space is between words, make no difference."""
    return stable_id(tenant_id, " ".join(name.split()).casefold())


def instance_address(adapter: str, external_id: str) -> str:
    """An account at a provider."""
    address = f"{adapter}:{quote(external_id, safe='@+:')}"
    return address if len(address) <= _MAX_ID else f"{adapter}:{stable_id(external_id)}"


def pairing_lease(instance_id: str) -> str:
    return f"pairing-{instance_id}"


def rate_usage(rate: str, key: str, minute: int) -> str:
    return stable_id(rate, key, str(minute))


def email(address: str) -> str:
    return fingerprint(address)


def campaign_counter(campaign_id: str, customer_id: str) -> str:
    """The shard of a campaign's counters that a customer's actions raise."""
    return campaign_counters(campaign_id)[_shard(customer_id)]


def campaign_counters(campaign_id: str) -> list[str]:
    """All shards of a campaign's counters."""
    return [stable_id(campaign_id, str(shard)) for shard in range(COUNTER_SHARDS)]


def campaign_conversion(campaign_id: str, customer_id: str) -> str:
    return stable_id(campaign_id, customer_id)


def agent_run(conversation_id: str, waiting_since: datetime) -> str:
    """The answer to what a customer has been waiting for since then, however often it is tried."""
    return stable_id("run", conversation_id, waiting_since.isoformat())


def tool_usage(tenant_id: str, customer_id: str, now: datetime) -> str:
    """A customer's tool calls in the hour of `now`."""
    return stable_id("tools", tenant_id, customer_id, f"{now:%Y%m%d%H}")


def ai_usages(tenant_id: str, now: datetime) -> list[str]:
    """All shards of what language models have cost a tenant on the day of `now`."""
    return [stable_id("ai", tenant_id, f"{now:%Y%m%d}", str(shard)) for shard in range(COUNTER_SHARDS)]


def hour(tenant_id: str, instance_id: str, start: datetime, conversation_id: str) -> str:
    """The counters of an instance in an hour; conversations are spread over shards."""
    return stable_id(tenant_id, instance_id, f"{start:%Y%m%d%H}", str(_shard(conversation_id)))


def day(tenant_id: str, of: date) -> str:
    """A tenant's day (UTC), rolled up from its hours."""
    return stable_id(tenant_id, f"{of:%Y%m%d}")


def _shard(key: str) -> int:
    return int(stable_id(key)[:4], 16) % COUNTER_SHARDS
