"""What a bill counts beside documents: bytes on the bus, pushes, looks at secrets, log lines and spans."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeAlias

from infra.bench.journey import HeldBus
from infra.deployables import Subscription, Table, load
from shared.domain.events import Event, Topic
from shared.logs import JSONFormatter, record_spans
from shared.ports.secrets import Secrets

Amounts: TypeAlias = defaultdict[str, float]
"""How much of what, by the names in prices.toml."""

# https://cloud.google.com/pubsub/pricing: a request has 1000 bytes at least; a message has a time stamp and an id.
_LEAST_BYTES = 1000
_TIME_STAMP = 20
_MESSAGE_ID = 17
REQUEST_LOG_BYTES = 1000


class WeighingBus(HeldBus):
    """A bus that counts what Pub/Sub would bill for each event: its publication and every subscription of the topic.

    A subscription whose filter an event does not match is billed all the same
    (https://cloud.google.com/pubsub/docs/filtering); one that only replay reads delivers nothing.
    """

    def __init__(self, counted: Amounts) -> None:
        super().__init__()
        self._counted = counted
        self._table: Table = load()

    def publish(self, topic: Topic, event: Event, key: str, delay: float = 0.0) -> None:
        super().publish(topic, event, key, delay)
        attributes = attributes_of(event, delay)
        size = len(event.model_dump_json().encode()) + len(key.encode()) + _TIME_STAMP + _MESSAGE_ID
        size += sum(len(name) + len(value) for name, value in attributes.items())
        subscriptions = [row for row in self._table.topics[topic].subscriptions.values() if not row.retained]
        # Of the topic that web pages follow, one instance of sockets has a subscription of its own.
        deliveries = len(subscriptions) or 1
        self._counted["pubsub_bytes"] += max(size, _LEAST_BYTES) * (1 + deliveries)
        self._counted["run_requests"] += sum(_pushed(row, attributes) for row in subscriptions)


def attributes_of(event: Event, delay: float) -> dict[str, str]:
    """The attributes that the bus on Pub/Sub gives an event, whose adapter is not to be imported here."""
    attributes = event.attributes()
    if event.traceparent:
        attributes["traceparent"] = event.traceparent
    if delay > 0:
        attributes["not_before"] = datetime.now(UTC).isoformat()
    return attributes


def _pushed(row: Subscription, attributes: dict[str, str]) -> bool:
    matches = row.filter is None or row.filter in {
        f'attributes.{name} = "{value}"' for name, value in attributes.items()
    }
    return row.push is not None and matches


class CountedSecrets:
    """`Secrets` over others; counts each read as the access that it is when no cache stands in between."""

    def __init__(self, inner: Secrets, counted: Amounts) -> None:
        self._inner = inner
        self._counted = counted

    def read(self, name: str) -> dict[str, str]:
        self._counted["secret_accesses"] += 1
        return self._inner.read(name)

    def write(self, name: str, value: dict[str, str]) -> None:
        self._inner.write(name, value)

    def delete(self, name: str) -> None:
        self._inner.delete(name)

    def close(self) -> None:
        self._inner.close()


class _LineCounter(logging.Handler):
    def __init__(self, counted: Amounts) -> None:
        super().__init__(logging.INFO)
        self._counted = counted
        self.setFormatter(JSONFormatter("a-project-of-usual-name"))

    def emit(self, record: logging.LogRecord) -> None:
        self._counted["log_bytes"] += len(self.format(record).encode()) + 1


@contextmanager
def lines_and_spans(counted: Amounts) -> Iterator[None]:
    """Count what is logged at INFO or above, and the spans of calls to others."""

    @contextmanager
    def recorder(kind: str, name: str, traceparent: str) -> Iterator[str]:
        counted["trace_spans"] += kind == "client"
        yield traceparent

    root = logging.getLogger()
    handler, level = _LineCounter(counted), root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    record_spans(recorder)
    try:
        yield
    finally:
        record_spans(None)
        root.setLevel(level)
        root.removeHandler(handler)
