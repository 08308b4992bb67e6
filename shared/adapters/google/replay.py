"""Publishing a topic's past messages again.

Beside its consumer's subscription the topic has one that nobody consumes, so
that Pub/Sub keeps each message there until its retention ends. Seeking the
consumer's own back would be less work, but it also marks as consumed what was
published earlier and still waits for its next attempt; and the emulator
(0.8.20) does not support seeking.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Final

from shared.adapters.google.peek import all_messages
from shared.adapters.google.pubsub import PubSub
from shared.adapters.google.wire import without_failure_attributes
from shared.domain.events import Topic

if TYPE_CHECKING:
    from google.pubsub_v1.types import PubsubMessage

logger = logging.getLogger(__name__)

MAX_MESSAGES: Final = 100_000


def replay(pubsub: PubSub, topic: Topic, since: datetime) -> int:
    """Publish again, in order, what was published since then; returns the number of messages."""
    with all_messages(pubsub, pubsub.retained_subscription(topic), MAX_MESSAGES) as received_messages:
        messages = [received.message for received in received_messages if received.message.publish_time >= since]
    # An earlier replay's copies lie there as well; of the same data the first counts.
    by_data: dict[bytes, PubsubMessage] = {}
    for message in sorted(messages, key=_order):
        by_data.setdefault(message.data, message)
    for message in by_data.values():
        pubsub.send(
            pubsub.topic(topic), message.data, without_failure_attributes(message.attributes), message.ordering_key
        )
    if len(messages) >= MAX_MESSAGES:
        logger.warning("%s: only some of the messages since %s were published again", topic, since.isoformat())
    return len(by_data)


def _order(message: PubsubMessage) -> tuple[datetime, int, str]:
    # Ids of one topic are numbers that grow; their text has to be compared by its length first.
    return message.publish_time, len(message.message_id), message.message_id
