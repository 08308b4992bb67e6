"""The event bus on Pub/Sub."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from shared.adapters.google import dead_letters, erasing
from shared.adapters.google.consumption import Consumption, Pace
from shared.adapters.google.feed import Feed
from shared.adapters.google.pubsub import PubSub
from shared.adapters.google.replay import replay
from shared.adapters.google.wire import attributes_of
from shared.domain.events import EVENTS, Event, Topic
from shared.errors import ConfigurationInvalid
from shared.ports.bus import Choice, Consumer, DeadLetterPage


class PubSubBus:
    """Events as Pub/Sub messages, ordered by their key.

    `consume` is for processes that run all the time; the functions are pushed
    to instead. Names begin with `prefix`; `emulator_host` (`host:port`) is that
    of the Pub/Sub emulator, without TLS or credentials.
    """

    def __init__(
        self, project: str, prefix: str = "", emulator_host: str | None = None, pace: Pace | None = None
    ) -> None:
        self._pubsub = PubSub(project, prefix, emulator_host)
        self._pace = pace or Pace()
        self._consumptions: list[Consumption] = []

    def publish(self, topic: Topic, event: Event, key: str, delay: float = 0.0) -> None:
        if not isinstance(event, EVENTS[topic]):
            raise TypeError(f"{topic} does not carry a {type(event).__name__}")
        data = event.model_dump_json().encode()
        self._pubsub.send(self._pubsub.topic(topic), data, attributes_of(event, delay), key)

    def consume(self, consumers: Mapping[Topic, Consumer]) -> Callable[[], None]:
        """Raises `ConfigurationInvalid` when this bus consumes already."""
        if self._consumptions:
            raise ConfigurationInvalid("this bus is being consumed already")
        self._consumptions = [
            Consumption(self._pubsub, topic, consumer, self._pace) for topic, consumer in consumers.items()
        ]
        return self._stop

    @property
    def alive(self) -> bool:
        return all(consumption.alive for consumption in list(self._consumptions))

    def feed(self, topic: Topic, consumer: Consumer, name: str) -> Feed:
        """Deliver all further events of a topic to this process too, whatever other consumers it has."""
        return Feed(self._pubsub, topic, consumer, name)

    def dead_letters(self, topic: Topic, limit: int = 100, cursor: str | None = None) -> DeadLetterPage:
        return dead_letters.page(self._pubsub, topic, limit, cursor)

    def redrive(self, topic: Topic, letter_id: str) -> None:
        dead_letters.redrive(self._pubsub, topic, letter_id)

    def replay(self, topic: Topic, since: datetime) -> int:
        return replay(self._pubsub, topic, since)

    def erase(self, topic: Topic, choose: Choice) -> int:
        return erasing.erase(self._pubsub, topic, choose)

    def close(self) -> None:
        self._stop()
        self._pubsub.close()

    def _stop(self) -> None:
        while self._consumptions:
            self._consumptions.pop().stop()
