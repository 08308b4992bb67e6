"""Taking events away that Pub/Sub keeps: dead letters, and of a retained topic what could be replayed.

They are read as `peek` describes, and those that are meant are acknowledged, which takes them away. What waits for its
consumer in a pushed subscription cannot be read.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from shared.adapters.google.peek import CALL_TIMEOUT, all_messages
from shared.adapters.google.pubsub import PubSub
from shared.adapters.google.replay import MAX_MESSAGES
from shared.adapters.google.wire import decode
from shared.domain.events import Event, Topic
from shared.errors import PayloadInvalid
from shared.ports.bus import Choice

if TYPE_CHECKING:
    from google.pubsub_v1.types import ReceivedMessage

logger = logging.getLogger(__name__)

_BATCH: Final = 500


def erase(pubsub: PubSub, topic: Topic, choose: Choice) -> int:
    """Take the chosen events away; returns how many there were."""
    subscriptions = [pubsub.dead_subscription(topic)]
    if topic is Topic.INBOUND:
        subscriptions.append(pubsub.retained_subscription(topic))
    return sum(_erase_in(pubsub, subscription, topic, choose) for subscription in subscriptions)


def _erase_in(pubsub: PubSub, subscription: str, topic: Topic, choose: Choice) -> int:
    count = 0
    with all_messages(pubsub, subscription, MAX_MESSAGES) as messages:
        while batch := list(islice(messages, _BATCH)):
            events = [(received, event) for received in batch if (event := _event(topic, received)) is not None]
            chosen_ids = set(choose([event for _, event in events]))
            ack_ids = [received.ack_id for received, event in events if event.id in chosen_ids]
            _acknowledge(pubsub, subscription, ack_ids)
            count += len(ack_ids)
    return count


def _acknowledge(pubsub: PubSub, subscription: str, ack_ids: Sequence[str]) -> None:
    if ack_ids:
        pubsub.subscriber.acknowledge(subscription=subscription, ack_ids=ack_ids, timeout=CALL_TIMEOUT)


def _event(topic: Topic, received: ReceivedMessage) -> Event | None:
    try:
        return decode(topic, received.message.data)
    except PayloadInvalid:
        logger.error("%s: message %s is no event and stays where it is", topic, received.message.message_id)
        return None
