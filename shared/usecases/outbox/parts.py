"""The parts in which an item goes out: the messages that its provider takes one by one."""

from __future__ import annotations

from dataclasses import dataclass

from shared.channel.outbound import SupportsParts
from shared.channels import ability
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxItem, OutboxPayload


def payloads_of(instance: Instance, payload: OutboxPayload) -> list[OutboxPayload]:
    """The messages that the provider takes for one."""
    channel_parts = ability(instance.adapter, SupportsParts)
    return [payload] if channel_parts is None else channel_parts.parts(payload)


@dataclass(frozen=True, slots=True)
class Part:
    """One of `count` parts; `number` counts from 0."""

    payload: OutboxPayload
    number: int
    count: int

    @property
    def is_last(self) -> bool:
        return self.number == self.count - 1


def next_part(instance: Instance, item: OutboxItem, payload: OutboxPayload | None = None) -> Part:
    """What of the item is to be sent next. Each part has an id of its own, by which a provider knows a second try.

    `payload` is the item's own with what sending it takes besides, such as addresses of files.
    """
    payload = payload or item.payload
    payloads = [payload] if item.is_change else payloads_of(instance, payload)
    # A later version may cut what was begun into fewer parts; the last one once more is better than nothing ever again.
    number = min(item.parts_sent, len(payloads) - 1)
    payload = payloads[number]
    if number:
        payload = payload.model_copy(update={"message_id": f"{item.id}.{number}"})
    return Part(payload, number, len(payloads))
