"""One trace shows a message's whole journey, through the functions as they are deployed, and so do its log lines."""

from __future__ import annotations

import base64
import dataclasses
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from functions.deliver.main import handler as deliver
from functions.normalize.main import handler as normalize
from functions.reply.main import handler as reply
from functions.webhooks.main import handler as webhooks
from infra.bench.journey import HeldBus
from shared import spans
from shared.deps import Deps
from shared.domain.events import Event, Topic
from shared.http.process import working_with
from shared.logs import JSONFormatter, record_spans
from tests.pipeline.hub import UPDATE, answered_bot, telegram_rules
from tests.stubs import Stub

if TYPE_CHECKING:
    from flask import Request
    from opentelemetry.sdk.trace import ReadableSpan

CALLER = "b7ad6b7169203331"
TRACE = "0af7651916cd43dd8448eb211c80319c"
STEPS = (("inbound", normalize), ("replies", reply), ("outbound", deliver))


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(JSONFormatter("my-hub"))
        self.written: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(json.loads(self.format(record)))


def _request(path: str, body: dict[str, Any], **headers: str) -> Request:
    from flask import Request  # noqa: PLC0415 - as in the functions

    return Request(EnvironBuilder(path=path, method="POST", json=body, headers=Headers(headers)).get_environ())


def _push(event: Event) -> Request:
    data = base64.b64encode(event.model_dump_json().encode()).decode()
    message = {"data": data, "messageId": "1", "attributes": event.attributes()}
    return _request("/", {"message": message, "subscription": "projects/p/subscriptions/s", "deliveryAttempt": 1})


@contextmanager
def _recorded(exporter: InMemorySpanExporter) -> Iterator[None]:
    recording = spans.record(exporter)
    try:
        yield
    finally:
        record_spans(None)
        recording.shutdown()


@pytest.fixture
def journey(
    deps: Deps, provider: Stub, caplog: pytest.LogCaptureFixture
) -> tuple[list[ReadableSpan], list[dict[str, Any]]]:
    """The spans and the log lines of a message that was answered."""
    telegram_rules(provider)
    instance_id = answered_bot(deps)
    bus, exporter, lines = HeldBus(), InMemorySpanExporter(), _Lines()
    caplog.set_level(logging.INFO)
    logging.getLogger().addHandler(lines)
    try:
        with working_with(dataclasses.replace(deps, bus=bus)), _recorded(exporter):
            called = _request(f"/api/telegram/bot/webhook/{instance_id}", UPDATE, traceparent=f"00-{TRACE}-{CALLER}-01")
            assert webhooks(called).status_code == 200
            for topic, handler in STEPS:
                [event] = bus.take(Topic(topic))
                assert handler(_push(event)).status_code == 204
    finally:
        logging.getLogger().removeHandler(lines)
    return list(exporter.get_finished_spans()), lines.written


def test_each_step_is_a_span_below_the_one_before(journey: tuple[list[ReadableSpan], object], provider: Stub) -> None:
    [sent] = provider.to("/sendMessage")
    assert sent.json["text"] == "Echo: hello"
    spans = {span.name: span for span in journey[0]}
    chain = ["webhook", "inbound", "replies", "outbound", "POST telegram_bot"]
    assert set(spans) >= set(chain)
    above = CALLER
    for name in chain:
        span = spans[name]
        assert span.context is not None
        assert span.parent is not None
        assert f"{span.parent.span_id:016x}" == above, name
        assert f"{span.context.trace_id:032x}" == TRACE, name
        above = f"{span.context.span_id:016x}"
    assert sent.headers["traceparent"] == f"00-{TRACE}-{above}-01"


def test_both_messages_and_the_outbox_know_the_trace(journey: object, deps: Deps) -> None:
    documents = [*deps.store.find("messages").documents, *deps.store.find("outbox").documents]
    traced = [document.data["traceparent"].split("-")[1] for document in documents if "tenant_id" in document.data]
    assert traced == [TRACE] * 3


def test_the_log_lines_of_both_messages_are_shown_beside_their_spans(
    journey: tuple[list[ReadableSpan], list[dict[str, Any]]],
) -> None:
    span_ids = {span.name: f"{span.context.span_id:016x}" for span in journey[0] if span.context}
    log_lines = {line["message"]: line for line in journey[1]}
    for message, span in (("a message was stored", "inbound"), ("a message was sent", "outbound")):
        assert log_lines[message]["logging.googleapis.com/trace"] == f"projects/my-hub/traces/{TRACE}"
        assert log_lines[message]["logging.googleapis.com/spanId"] == span_ids[span]
