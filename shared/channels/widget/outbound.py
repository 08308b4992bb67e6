"""Answering a visitor: nothing leaves the hub, for what is stored is what they see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channel.outbound import Sent
from shared.channels.widget.config import WidgetConfig
from shared.deps import Deps
from shared.domain.events import RealtimeEvent, Topic
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected
from shared.logs import current_trace

EVENT, TYPING = "visitor-message", "visitor-typing"


def room_of(instance_id: str, visitor_id: str) -> str:
    """The realtime room of one visitor."""
    return f"visitor:{instance_id}:{visitor_id}"


def send(deps: Deps, instance: Instance, config: WidgetConfig, payload: OutboxPayload) -> Sent:
    """Tell the visitor's room; who is not there finds the message in their history.

    The message keeps the hub's own id, so that no other is told. Raises
    `ProviderRejected` for a reaction.
    """
    if payload.reaction:
        raise ProviderRejected("widget", "the widget shows no reactions")
    announce(deps, instance, payload)
    return Sent(external_message_id=None)


def announce(deps: Deps, instance: Instance, payload: OutboxPayload, delay: float = 0.0) -> None:
    """Have the visitor's page look at its history."""
    publish(deps, instance, payload, EVENT, {"instance": instance.id, "messageId": payload.message_id}, delay)


def publish(
    deps: Deps, instance: Instance, payload: OutboxPayload, name: str, fields: Mapping[str, Any], delay: float = 0.0
) -> None:
    """Tell the room of the visitor whom the payload is for."""
    trace = current_trace()
    room = room_of(instance.id, payload.to)
    event = RealtimeEvent(
        tenant_id=instance.tenant_id,
        room=room,
        name=name,
        payload=dict(fields),
        request_id=trace.request_id if trace else None,
        traceparent=trace.traceparent if trace else None,
    )
    deps.bus.publish(Topic.REALTIME, event, key=room, delay=delay)
