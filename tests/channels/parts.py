"""Sending a message as the hub does: part by part, where its provider takes it only as several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shared.channel.outbound import Sent, SupportsParts
from shared.domain.outbox import OutboxPayload


def send_parts(outbound: SupportsParts, payload: OutboxPayload, send: Callable[[OutboxPayload], Sent]) -> Sent:
    """What became of the first part, with the ids of all others."""
    first, *others = [send(part) for part in outbound.parts(payload)]
    further_ids = tuple(sent.external_message_id for sent in others if sent.external_message_id)
    return replace(first, further_ids=first.further_ids + further_ids)
