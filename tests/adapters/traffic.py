"""Events for the contract of the bus, and ways to wait for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from queue import Queue

from shared.domain.events import Event, ReplyEvent, Topic
from shared.errors import ProviderUnavailable
from shared.ports.bus import Bus, Consumer, DeadLetter
from tests.eventually import eventually

PATIENCE = 40.0
"""Seconds after which a test no longer believes."""


def reply(id_: str, key: str = "c") -> ReplyEvent:
    return ReplyEvent(id=id_, tenant_id="t", conversation_id=key, message_id=f"m-{id_}")


def publish(bus: Bus, *ids: str, key: str = "c") -> None:
    for id_ in ids:
        bus.publish(Topic.REPLIES, reply(id_, key), key=key)


@contextmanager
def consuming(bus: Bus, consumers: Mapping[Topic, Consumer] | Consumer) -> Iterator[None]:
    """Consume in the block; a single consumer gets the replies."""
    stop = bus.consume(consumers if isinstance(consumers, Mapping) else {Topic.REPLIES: consumers})
    try:
        yield
    finally:
        stop()


def take(queue: Queue[Event], count: int) -> list[Event]:
    return [queue.get(timeout=PATIENCE) for _ in range(count)]


def ids(events: list[Event]) -> list[str]:
    return [event.id for event in events]


def letters(bus: Bus, count: int, topic: Topic = Topic.REPLIES) -> list[DeadLetter]:
    """Wait for so many dead letters."""
    eventually(lambda: len(bus.dead_letters(topic).letters) >= count, PATIENCE)
    return bus.dead_letters(topic).letters


def refuse(_: Event) -> None:
    raise ProviderUnavailable("openai", "is overloaded")
