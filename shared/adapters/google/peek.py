"""Reading a subscription's messages without acknowledging them.

A subscription can only be read by pulling its messages. So all of them are
pulled, which leases them for a moment, and returned at once. The limits: of two
processes that read at the same time, each sees only what the other does not
lease; reading takes a second or two, because only an empty pull marks the end;
and it must be faster than the ack deadline, after which messages come again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from shared.adapters.google.calls import errors
from shared.adapters.google.pubsub import PubSub

if TYPE_CHECKING:
    from google.pubsub_v1.types import ReceivedMessage

CALL_TIMEOUT: Final = 10.0
_PULL_SIZE: Final = 1000  # the most that one pull may ask for
_PULL_TIMEOUT: Final = 2.0  # seconds; how long an empty subscription is waited for


@contextmanager
def all_messages(pubsub: PubSub, subscription: str, limit: int) -> Iterator[Iterator[ReceivedMessage]]:
    """Up to `limit` messages or a few more, as they are pulled; those not acknowledged in the block are given back."""
    ack_ids: list[str] = []
    with errors("Pub/Sub"):
        try:
            yield _pulled(pubsub, subscription, limit, ack_ids)
        finally:
            for start in range(0, len(ack_ids), _PULL_SIZE):
                pubsub.subscriber.modify_ack_deadline(
                    subscription=subscription,
                    ack_ids=ack_ids[start : start + _PULL_SIZE],
                    ack_deadline_seconds=0,
                    timeout=CALL_TIMEOUT,
                )


def _pulled(pubsub: PubSub, subscription: str, limit: int, ack_ids: list[str]) -> Iterator[ReceivedMessage]:
    while len(ack_ids) < limit and (batch := _pull(pubsub, subscription)):
        ack_ids += [received.ack_id for received in batch]
        yield from batch


def _pull(pubsub: PubSub, subscription: str) -> list[ReceivedMessage]:
    from google.api_core.exceptions import DeadlineExceeded  # noqa: PLC0415  cold start

    try:
        answer = pubsub.subscriber.pull(
            subscription=subscription, max_messages=_PULL_SIZE, timeout=_PULL_TIMEOUT, retry=None
        )
    except DeadlineExceeded:  # how the service says that there was nothing; the emulator gives an empty answer
        return []
    return list(answer.received_messages)
