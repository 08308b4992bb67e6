"""`/metrics` for Prometheus, on a port of its own: what happens is counted from log lines, what is there is measured.

The lines are those of which Terraform makes metrics on Google Cloud (`shared/usecases/reporting/metrics.py`), so the
hub's code tells each number once. No label holds anything that a tenant or a customer can choose.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from typing import Any, TypeAlias

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    MetricsHandler,
    ProcessCollector,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from shared.cache import TTLCache
from shared.config import Settings
from shared.deps import Deps
from shared.errors import ConfigurationInvalid, StoreError
from shared.ports.machine import Machine
from shared.usecases.reporting.health import VERSION

log = logging.getLogger(__name__)

DISK_MEASURED_EVERY = 300.0
"""Seconds; measuring reads the entries of all directories."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_WAITS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600)
_READ_WITHIN = 10
_REPORTS = "shared.usecases.reporting.metrics"

_Take: TypeAlias = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is counted: the logger that writes it, its text before anything is filled in, and what to do."""

    logger: str
    text: str
    take: _Take


def _of_messages(registry: CollectorRegistry) -> list[_Line]:
    def histogram(name: str, about: str) -> Histogram:
        return Histogram(name, about, ["channel"], buckets=_WAITS, registry=registry)

    lag = histogram("hub_webhook_lag_seconds", "From a webhook's answer until its message is stored.")
    waited = histogram("hub_outbox_seconds", "From a message's acceptance until the provider took it.")
    replied = histogram(
        "hub_reply_seconds", "From a customer's first unanswered message until the provider took the answer."
    )
    unanswered = Counter(
        "hub_unanswered", "Conversations that neither an agent nor a service answered.", registry=registry
    )

    def sent(fields: Mapping[str, Any]) -> None:
        waited.labels(fields["channel"]).observe(fields["outbox_seconds"])
        if "reply_seconds" in fields:
            replied.labels(fields["channel"]).observe(fields["reply_seconds"])

    return [
        _Line(_REPORTS, "a message was stored", lambda f: lag.labels(f["channel"]).observe(f["lag_seconds"])),
        _Line(_REPORTS, "a message was sent", sent),
        _Line("shared.usecases.replies.replies", "nobody answered", lambda _: unanswered.inc()),
    ]


def _of_failures(registry: CollectorRegistry) -> list[_Line]:
    labels = ["channel", "reason"]
    failures = Counter("hub_send_failures", "Attempts to send that failed.", labels, registry=registry)
    dead = Counter("hub_messages_dead", "Messages that will not be sent any more.", labels, registry=registry)

    def failed(fields: Mapping[str, Any]) -> None:
        failures.labels(fields["channel"], fields["reason"]).inc()

    def died(fields: Mapping[str, Any]) -> None:
        failed(fields)
        dead.labels(fields["channel"], fields["reason"]).inc()

    return [_Line(_REPORTS, "a message will be tried again", failed), _Line(_REPORTS, "a message died", died)]


def _of_what_waits(registry: CollectorRegistry) -> list[_Line]:
    depth = Gauge("hub_outbox_depth", "Messages that wait to be sent, once a minute.", registry=registry)
    age = Gauge("hub_outbox_oldest_seconds", "How long the oldest of them has waited.", registry=registry)
    unheld = Counter(
        "hub_accounts_unheld",
        "Accounts that nobody holds a connection of, each once a minute.",
        ["channel"],
        registry=registry,
    )

    def measured(fields: Mapping[str, Any]) -> None:
        depth.set(fields["depth"])
        age.set(fields["oldest_seconds"])

    def not_held(fields: Mapping[str, Any]) -> None:
        unheld.labels(fields["channel"]).inc()

    return [
        _Line(_REPORTS, "the outbox was measured", measured),
        _Line("shared.usecases.instances.holders", "an account has no holder", not_held),
    ]


def _of_requests(registry: CollectorRegistry) -> list[_Line]:
    requests = Counter(
        "hub_http_requests", "Requests that were answered.", ["method", "route", "status"], registry=registry
    )
    took = Histogram("hub_http_request_seconds", "How long requests took.", ["method"], registry=registry)

    def answered(fields: Mapping[str, Any]) -> None:
        # Anybody may send a method of their own.
        method = fields["method"] if fields["method"] in _METHODS else "other"
        requests.labels(method, fields["route"], f"{fields['status'] // 100}xx").inc()
        took.labels(method).observe(fields["milliseconds"] / 1000)

    return [_Line("access", "%s %s %d", answered)]


class _Counting(logging.Handler):
    """Gives each line that is counted to its metric."""

    def __init__(self, lines: list[_Line]) -> None:
        super().__init__(logging.INFO)
        self._metrics = {(line.logger, line.text): line.take for line in lines}
        self.loggers = {logging.getLogger(line.logger) for line in lines}

    def createLock(self) -> None:
        self.lock = None  # the metrics have locks of their own

    def emit(self, record: logging.LogRecord) -> None:
        take = self._metrics.get((record.name, record.msg))
        if take is None:
            return
        try:
            take(vars(record))
        except Exception:  # noqa: BLE001 - as with every handler of logging: the work goes on without its line
            self.handleError(record)


class _MachineCollector(Collector):
    """Measures when it is asked: the disk at most every few minutes, the events each time."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._disk = TTLCache(time.monotonic, ttl=DISK_MEASURED_EVERY, size=1)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            disk, backlog = self._disk.get("disk", self._machine.disk), self._machine.backlog()
        except StoreError as error:
            log.error("the machine could not be measured", extra={"why": error.detail})
            return
        used = GaugeMetricFamily("hub_disk_used_bytes", "What lies in DATA_DIR.", labels=["part"])
        for part, size in disk.parts.items():
            used.add_metric([part], size)
        yield used
        yield GaugeMetricFamily("hub_disk_free_bytes", "What is free beside it.", disk.free)
        yield GaugeMetricFamily("hub_disk_reserve_bytes", "With less free no more files are kept.", disk.reserve)
        waiting = GaugeMetricFamily("hub_events_waiting", "Events that wait to be consumed.", labels=["topic"])
        dead = GaugeMetricFamily("hub_dead_letters", "Events that no consumer could handle.", labels=["topic"])
        for topic, count in backlog.waiting.items():
            waiting.add_metric([topic.value], count)
        for topic, count in backlog.dead.items():
            dead.add_metric([topic.value], count)
        yield waiting
        yield dead


def _collect(deps: Deps) -> tuple[CollectorRegistry, _Counting]:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    Gauge("hub_info", "Which hub this is.", ["version"], registry=registry).labels(VERSION).set(1)
    if deps.machine is not None:
        registry.register(_MachineCollector(deps.machine))
    kinds = (_of_messages, _of_failures, _of_what_waits, _of_requests)
    return registry, _Counting([line for lines_of in kinds for line in lines_of(registry)])


@contextmanager
def serving(deps: Deps) -> Iterator[str | None]:
    """Serve the metrics within the context, where `METRICS_PORT` is set; gives their address.

    Raises `ConfigurationInvalid` where nobody can listen there.
    """
    settings = deps.settings
    if settings.metrics_port is None:
        yield None
        return
    registry, counting = _collect(deps)
    handler: Any = MetricsHandler.factory(registry)
    # Who connects and says nothing keeps a thread no longer.
    handler.timeout = _READ_WITHIN
    server = _listening(settings, settings.metrics_port, handler)
    levels = {logger: logger.level for logger in counting.loggers}
    for logger in levels:
        # Lines are counted also where LOG_LEVEL leaves them out; what is written has that level anyway.
        logger.setLevel(min(logging.INFO, logger.getEffectiveLevel()))
        logger.addHandler(counting)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    try:
        yield f"http://{settings.metrics_host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        for logger, level in levels.items():
            logger.removeHandler(counting)
            logger.setLevel(level)


def _listening(settings: Settings, port: int, handler: Any) -> ThreadingHTTPServer:
    try:
        server = ThreadingHTTPServer((settings.metrics_host, port), handler)
    except OSError as error:
        raise ConfigurationInvalid(f"METRICS_HOST, METRICS_PORT: cannot listen there: {error.strerror}") from error
    server.daemon_threads = True
    return server
