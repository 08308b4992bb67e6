"""A bus that remembers what was told to rooms instead of publishing it."""

from __future__ import annotations

from typing import Any

from shared.domain.events import Event, RealtimeEvent, Topic
from shared.ports.bus import Bus


class RecordingBus:
    """Keeps realtime events in `published`; everything else is the given bus's."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.published: list[RealtimeEvent] = []

    def publish(self, topic: Topic, event: Event, key: str, delay: float = 0.0) -> None:
        if isinstance(event, RealtimeEvent):
            self.published.append(event)
        else:
            self._bus.publish(topic, event, key, delay)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)
