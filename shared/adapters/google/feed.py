"""A topic's events for one process: a subscription that lives as long as it does."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from shared.adapters.google.calls import errors, while_unavailable
from shared.adapters.google.consumption import Consumption, Pace
from shared.adapters.google.pubsub import PubSub
from shared.domain.events import Event, Topic
from shared.errors import StoreError
from shared.ports.bus import Consumer

logger = logging.getLogger(__name__)

# The least that Pub/Sub takes for either: https://cloud.google.com/pubsub/docs/subscription-properties
_EXPIRES_AFTER: Final = timedelta(days=1)
_KEPT_FOR: Final = timedelta(minutes=10)

_CALL_SECONDS: Final = 15.0
_DELETION_SECONDS: Final = 3.0


class Feed:
    """A subscription of this process to all events of a topic, from its creation to `close`.

    The subscription of a process that was killed is removed by Pub/Sub after a
    day without a subscriber. An event that the consumer refuses is logged and
    dropped: an observer must not delay the others.
    """

    def __init__(self, pubsub: PubSub, topic: Topic, consumer: Consumer, name: str) -> None:
        self._pubsub = pubsub
        self._topic = topic
        self._consumer = consumer
        self.subscription = f"projects/{pubsub.project}/subscriptions/{pubsub.prefix}{topic}-feed-{name}"
        self._create()
        self._consumption = Consumption(pubsub, topic, self._look, Pace(lease=10), self.subscription)

    @property
    def alive(self) -> bool:
        return self._consumption.alive

    def close(self) -> None:
        self._consumption.stop()
        try:
            with errors("Pub/Sub"):
                self._pubsub.subscriber.delete_subscription(
                    subscription=self.subscription,
                    retry=while_unavailable(_DELETION_SECONDS),
                    timeout=_DELETION_SECONDS,
                )
        except StoreError as error:
            logger.warning("%s was left for Pub/Sub to remove: %s", self.subscription, error.detail)

    def _look(self, event: Event) -> None:
        try:
            self._consumer(event)
        except Exception:
            logger.exception("an event of %s was lost on one process", self._topic)

    def _create(self) -> None:
        from google.pubsub_v1.types import ExpirationPolicy, Subscription  # noqa: PLC0415  cold start

        subscription = Subscription(
            name=self.subscription,
            topic=self._pubsub.topic(self._topic),
            ack_deadline_seconds=10,
            enable_message_ordering=True,
            message_retention_duration=_KEPT_FOR,
            expiration_policy=ExpirationPolicy(ttl=_EXPIRES_AFTER),
        )
        with errors("Pub/Sub"):
            self._pubsub.subscriber.create_subscription(
                request=subscription, retry=while_unavailable(_CALL_SECONDS), timeout=_CALL_SECONDS
            )
