"""One topic being consumed through a streaming pull."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from shared.adapters.google.pubsub import PubSub
from shared.adapters.google.wire import REASON, decode, failure_attributes, remaining_delay
from shared.domain.events import Topic
from shared.errors import StoreError
from shared.ports.bus import Consumer

if TYPE_CHECKING:
    from google.cloud.pubsub_v1.subscriber.message import Message

logger = logging.getLogger(__name__)

_MAX_LEASED: Final = 10_000
"""Messages leased at a time, most of them waiting: each failing key has one."""

_MAX_LEASE: Final = 7 * 24 * 3600.0
"""Seconds; as long as Pub/Sub keeps a message, for what waits long."""

STOP_PATIENCE: Final = 10.0
"""Seconds that running consumers get to end, and then the stream to send its last acknowledgements."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How an event is retried: pauses in seconds that double from `min_backoff` to `max_backoff`.

    `lease` (10 to 600 seconds) is how long Pub/Sub waits for a sign of life of
    the process that holds a message before it hands it to another.
    """

    max_attempts: int = 10
    min_backoff: float = 10.0
    max_backoff: float = 600.0
    lease: int = 60
    workers: int = 16

    def pause_after(self, attempt: int) -> float:
        return min(self.max_backoff, self.min_backoff * 2.0 ** min(attempt - 1, 62))


class Clock:
    """Calls functions later on one thread; they must not block."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bus-clock", daemon=True)
        self._thread.start()

    def call_later(self, delay: float, call: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(self._loop.call_later, delay, call)

    def close(self) -> None:
        """Cancel the calls that are still to come."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Consumption:
    """Hands a topic's messages to its consumer until `stop`.

    A message that was refused, or that may not be handed out yet, is held here
    under its lease rather than given back to Pub/Sub. While it is held, Google's
    client keeps back the messages of the same ordering key that it has fetched
    already; after a nack it would hand those out first, and Pub/Sub would count
    an attempt for each of them that is given back.
    """

    def __init__(
        self, pubsub: PubSub, topic: Topic, consumer: Consumer, pace: Pace, subscription: str | None = None
    ) -> None:
        """`subscription` is the full name of a subscription to use instead of the topic's own."""
        self._pubsub = pubsub
        self._subscription = subscription or pubsub.subscription(topic)
        self._topic = topic
        self._consumer = consumer
        self._pace = pace
        self._clock = Clock()
        self._workers = ThreadPoolExecutor(pace.workers, thread_name_prefix=f"bus-{topic}")
        self._waiting: set[Message] = set()
        self._running: set[Future[None]] = set()
        self._stopping = threading.Lock()
        self._stopped = False
        self._stream = self._open()
        self._stream.add_done_callback(self._ended)

    @property
    def alive(self) -> bool:
        """Whether messages are still being received."""
        return not self._stopped and not self._stream.done()

    def stop(self) -> None:
        """Give running consumers some time to finish, then return waiting messages to Pub/Sub."""
        with self._stopping:
            if self._stopped:
                return
            self._stopped = True
        self._workers.shutdown(wait=False, cancel_futures=True)
        if wait(self._running.copy(), timeout=STOP_PATIENCE).not_done:
            logger.warning("stopped consuming %s while a consumer was still at work", self._topic)
        self._clock.close()
        for message in self._waiting.copy():
            message.nack()
        self._stream.cancel()
        try:
            self._stream.result(timeout=STOP_PATIENCE)
        except Exception as error:  # noqa: BLE001  it was logged when it happened, and nothing is left to save
            logger.debug("the stream of %s ended with %s", self._topic, type(error).__name__)

    def _open(self) -> Future[Any]:
        from google.cloud.pubsub_v1.types import FlowControl  # noqa: PLC0415  cold start

        flow = FlowControl(
            max_messages=_MAX_LEASED,
            max_lease_duration=_MAX_LEASE,
            min_duration_per_lease_extension=self._pace.lease,
            max_duration_per_lease_extension=self._pace.lease,
        )
        stream: Future[Any] = self._pubsub.subscriber.subscribe(
            self._subscription, callback=self._received, flow_control=flow
        )
        return stream

    def _ended(self, stream: Future[Any]) -> None:
        error = stream.exception()
        if error is not None:
            logger.error("no more events of %s are received: %s", self._topic, type(error).__name__)

    def _received(self, message: Message) -> None:
        """Take a message; Google's client keeps back its ordering key until it is acknowledged or refused."""
        if self._stopped:
            message.nack()
            return
        # Set where the subscription has a dead-letter policy: it counts the processes that did not survive the event.
        attempt = message.delivery_attempt or 1
        delay = remaining_delay(message.attributes, datetime.now(UTC))
        self._schedule(delay, message, partial(self._handle, message, attempt))

    def _schedule(self, delay: float, message: Message, step: Callable[[], None]) -> None:
        self._waiting.add(message)
        if delay > 0:
            self._clock.call_later(delay, partial(self._start, message, step))
        else:
            self._start(message, step)

    def _start(self, message: Message, step: Callable[[], None]) -> None:
        try:
            running = self._workers.submit(self._run, message, step)
        except RuntimeError:
            logger.debug("stopped before an event of %s could be handed out", self._topic)
            return
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    def _run(self, message: Message, step: Callable[[], None]) -> None:
        self._waiting.discard(message)
        step()

    def _handle(self, message: Message, attempt: int) -> None:
        try:
            self._consumer(decode(self._topic, message.data, attempt))
        except Exception as error:  # noqa: BLE001  whatever it is, the event must come again
            self._refused(message, attempt, error)
        else:
            message.ack()

    def _refused(self, message: Message, attempt: int, error: Exception) -> None:
        failure = failure_attributes(error)
        if attempt >= self._pace.max_attempts:
            logger.error("%s: message %s died after %d attempts: %s", *self._named(message), attempt, failure[REASON])
            self._publish_dead_letter(message, failure)
            return
        pause = self._pace.pause_after(attempt)
        logger.warning("%s: message %s comes again in %g s: %s", *self._named(message), pause, failure[REASON])
        self._schedule(pause, message, partial(self._handle, message, attempt + 1))

    def _publish_dead_letter(self, message: Message, failure: Mapping[str, str]) -> None:
        """Publish a dead letter ourselves: Pub/Sub's own dead lettering is best effort, and gives no reason."""
        attributes = {**message.attributes, **failure}
        try:
            self._pubsub.send(self._pubsub.dead_topic(self._topic), message.data, attributes, message.ordering_key)
        except StoreError as error:
            logger.warning("%s: message %s could not be made a dead letter: %s", *self._named(message), error.detail)
            self._schedule(self._pace.max_backoff, message, partial(self._publish_dead_letter, message, failure))
        else:
            message.ack()

    def _named(self, message: Message) -> tuple[str, str]:
        return self._topic, message.message_id
