"""A topic's dead letters, which Pub/Sub keeps as messages of a subscription like any other.

Listing and finding them reads the whole subscription, with the limits that
`peek` describes; at most `MAX_LETTERS` are read.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from shared.adapters.google.peek import CALL_TIMEOUT, all_messages
from shared.adapters.google.pubsub import PubSub
from shared.adapters.google.wire import dead_letter, without_failure_attributes
from shared.domain.events import Topic
from shared.errors import BadRequest, NotFound, PayloadInvalid
from shared.ports.bus import DeadLetter, DeadLetterPage

if TYPE_CHECKING:
    from google.pubsub_v1.types import ReceivedMessage

logger = logging.getLogger(__name__)

MAX_LETTERS: Final = 5000


@dataclass(frozen=True, slots=True)
class _LeasedLetter:
    letter: DeadLetter
    received: ReceivedMessage


def page(pubsub: PubSub, topic: Topic, limit: int, cursor: str | None) -> DeadLetterPage:
    """The letters after `cursor`, oldest first; raises `BadRequest` for a cursor that is none."""
    after = _position(cursor) if cursor is not None else None
    with _leased_letters(pubsub, topic) as leased:
        # One event may have died in two messages: Pub/Sub's own dead lettering sometimes repeats itself.
        letters = {item.letter.id: item.letter for item in reversed(leased)}.values()
    ordered = sorted(letters, key=_order)
    rest = [letter for letter in ordered if after is None or _order(letter) > after]
    more = len(rest) > limit
    return DeadLetterPage(rest[:limit], _cursor(rest[limit - 1]) if more else None)


def redrive(pubsub: PubSub, topic: Topic, letter_id: str) -> None:
    """Publish a letter to its topic again and take it away; raises `NotFound` for an unknown one."""
    with _leased_letters(pubsub, topic) as leased:
        received = [item.received for item in leased if item.letter.id == letter_id]
        if not received:
            raise NotFound("there is no such dead letter")
        message = received[0].message
        pubsub.send(
            pubsub.topic(topic), message.data, without_failure_attributes(message.attributes), message.ordering_key
        )
        pubsub.subscriber.acknowledge(
            subscription=pubsub.dead_subscription(topic),
            ack_ids=[item.ack_id for item in received],
            timeout=CALL_TIMEOUT,
        )


@contextmanager
def _leased_letters(pubsub: PubSub, topic: Topic) -> Iterator[list[_LeasedLetter]]:
    """Take all letters, and give back those that were not acknowledged meanwhile."""
    with all_messages(pubsub, pubsub.dead_subscription(topic), MAX_LETTERS) as received:
        letters = [_LeasedLetter(letter, item) for item in received if (letter := _letter(topic, item))]
        yield sorted(letters, key=lambda item: _order(item.letter))


def _letter(topic: Topic, received: ReceivedMessage) -> DeadLetter | None:
    message = received.message
    try:
        return dead_letter(topic, message.data, message.attributes, message.publish_time)
    except PayloadInvalid:
        logger.error("%s: dead message %s is no event and stays where it is", topic, message.message_id)
        return None


def _order(letter: DeadLetter) -> tuple[str, str]:
    return letter.died_at.astimezone(UTC).isoformat(timespec="microseconds"), letter.id


def _cursor(letter: DeadLetter) -> str:
    return base64.urlsafe_b64encode("|".join(_order(letter)).encode()).decode()


def _position(cursor: str) -> tuple[str, str]:
    try:
        died_at, _, letter_id = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().partition("|")
        datetime.fromisoformat(died_at)
    except ValueError as error:
        raise BadRequest("the cursor does not belong to this list", {"cursor": "unknown"}) from error
    return died_at, letter_id
