"""The addresses of documents that tests look up or change in the store."""

from __future__ import annotations

from shared.documents import ids
from shared.ports.store import Ref


def tenant(tenant_id: str) -> Ref:
    return Ref("tenants", tenant_id)


def instance(instance_id: str) -> Ref:
    return Ref("instances", instance_id)


def identity(instance_id: str, key: str) -> Ref:
    return Ref("identities", ids.identity(instance_id, key))


def customer(customer_id: str) -> Ref:
    return Ref("customers", customer_id)


def customer_merge(merge_id: str) -> Ref:
    return Ref("customer_merges", merge_id)


def conversation(conversation_id: str) -> Ref:
    return Ref("conversations", conversation_id)


def message(message_id: str) -> Ref:
    return Ref("messages", message_id)


def provider_message(instance_id: str, external_message_id: str) -> Ref:
    return Ref("messages", ids.provider_message(instance_id, external_message_id))


def call(instance_id: str, external_call_id: str) -> Ref:
    return Ref("calls", ids.call(instance_id, external_call_id))


def campaign(campaign_id: str) -> Ref:
    return Ref("campaigns", campaign_id)


def outbox(message_id: str) -> Ref:
    return Ref("outbox", message_id)
