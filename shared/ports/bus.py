"""The event bus: durable topics whose events are handed out one at a time per key, in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from shared.domain.events import Event, Topic

Consumer: TypeAlias = Callable[[Event], None]
"""Returning acknowledges the event; raising has it delivered again after a pause that grows."""


Choice: TypeAlias = Callable[[Sequence[Event]], Collection[str]]
"""Of some events, the ids of those that are meant."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that its consumer refused until the last attempt; `reason` is the last error."""

    id: str
    topic: Topic
    event: Event
    reason: str
    died_at: datetime


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    letters: list[DeadLetter]
    cursor: str | None = None


class Feed(Protocol):
    """A process's own view of a topic; nothing is kept for it while it is not there."""

    @property
    def alive(self) -> bool:
        """Whether events are still being received."""
        ...

    def close(self) -> None:
        """Stop, and leave nothing behind."""
        ...


class Bus(Protocol):
    """Publishing, consuming, and the dead letters of each topic."""

    def publish(self, topic: Topic, event: Event, key: str, delay: float = 0.0) -> None:
        """Return once the event is durable; in a consumer maybe earlier, which then keeps its own event until it is.

        Events of one `key` are consumed one at a time, in the order of publishing.
        With `delay` (seconds) the event is not handed out earlier than that.
        """
        ...

    def consume(self, consumers: Mapping[Topic, Consumer]) -> Callable[[], None]:
        """Hand events to the consumers on threads of the bus's own; returns a function that stops them.

        An event carries its `attempt`, counted from 1. After the last one it
        becomes a dead letter.
        """
        ...

    @property
    def alive(self) -> bool:
        """Whether all that is being consumed is still received; true where nothing is."""
        ...

    def dead_letters(self, topic: Topic, limit: int = 100, cursor: str | None = None) -> DeadLetterPage:
        """List what died, oldest first."""
        ...

    def redrive(self, topic: Topic, letter_id: str) -> None:
        """Publish a dead letter again; raises `NotFound` for an unknown one."""
        ...

    def replay(self, topic: Topic, since: datetime) -> int:
        """Have what was consumed since then consumed again, as after mending a parser; returns how many.

        Only what the bus still keeps: topic `inbound`, for seven days.
        """
        ...

    def erase(self, topic: Topic, choose: Choice) -> int:
        """Delete the chosen ones of the events that the bus still keeps; returns how many.

        These are dead letters, what could be replayed, and where the backend can take them back those that wait for
        their consumer. `choose` is given all of the topic, some hundreds at a time, of all tenants.
        """
        ...

    def close(self) -> None:
        """Let go of connections and threads."""
        ...
