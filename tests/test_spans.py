"""One trace shows a message's whole journey, from the webhook to the call of the provider."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import spans
from shared.config import Settings, load_settings
from shared.errors import ConfigurationInvalid
from shared.logs import current_trace, record_spans, spanning, tracing
from tests.stubs import Reply, Stub

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def recording(exporter: InMemorySpanExporter) -> Iterator[TracerProvider]:
    provider = spans.record(exporter)
    yield provider
    record_spans(None)
    provider.shutdown()


def test_without_a_recorder_the_trace_goes_on_unchanged() -> None:
    with tracing("r1", TRACEPARENT, span="webhook"), spanning("call") as trace:
        assert trace is not None
        assert trace.traceparent == TRACEPARENT


def test_each_step_is_a_child_of_the_one_before(recording: TracerProvider, exporter: InMemorySpanExporter) -> None:
    with tracing("r1", TRACEPARENT, span="webhook") as arrived:
        carried = arrived.traceparent
    with tracing("r1", carried, kind="consumer", span="inbound"), spanning("POST telegram") as call:
        assert call is not None
        assert call.trace_id == arrived.trace_id
        assert call.request_id == "r1"
    assert current_trace() is None
    recording.force_flush()
    spans_by_name = {span.name: span for span in exporter.get_finished_spans()}
    webhook, consumer, provider = spans_by_name["webhook"], spans_by_name["inbound"], spans_by_name["POST telegram"]
    assert webhook.parent is not None
    assert f"{webhook.parent.span_id:016x}" == TRACEPARENT.split("-")[2]
    assert consumer.parent is not None
    assert provider.parent is not None
    assert consumer.parent.span_id == webhook.context.span_id
    assert provider.parent.span_id == consumer.context.span_id
    assert {f"{span.context.trace_id:032x}" for span in exporter.get_finished_spans()} == {arrived.trace_id}


def test_a_failure_is_marked_and_its_text_is_not_told(
    recording: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    with pytest.raises(ValueError, match="private"), tracing(span="reply"):
        raise ValueError("something private")
    recording.force_flush()
    [span] = exporter.get_finished_spans()
    assert not span.status.is_ok
    assert "private" not in span.to_json()


def test_a_trace_that_is_not_chosen_is_carried_on_all_the_same(exporter: InMemorySpanExporter) -> None:
    provider = spans.record(exporter, ratio=0.0)
    try:
        with tracing("r1", TRACEPARENT, span="webhook") as trace:
            assert trace.traceparent == TRACEPARENT
        provider.force_flush()
        assert not exporter.get_finished_spans()
    finally:
        record_spans(None)
        provider.shutdown()


def _otlp(provider: Stub, **variables: str) -> Settings:
    return load_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": f"{provider.url}/otlp"} | variables)


def test_a_collector_is_told_of_spans_with_the_operators_headers(provider: Stub) -> None:
    provider.on("POST", r"/otlp/v1/traces", Reply(200))
    settings = _otlp(provider, OTEL_EXPORTER_OTLP_HEADERS="api-key=for%20us,x-team=hub", TRACE_RATIO="1")
    recorder = spans.record(*spans.exporters(settings), ratio=settings.trace_ratio)
    try:
        with tracing("r1", TRACEPARENT, span="webhook"):
            pass
        recorder.force_flush()
        [request] = provider.to("/otlp/v1/traces")
    finally:
        record_spans(None)
        recorder.shutdown()
    assert (request.headers["api-key"], request.headers["x-team"]) == ("for us", "hub")
    [resource] = ExportTraceServiceRequest.FromString(request.body).resource_spans
    [span] = resource.scope_spans[0].spans
    assert (span.name, span.trace_id.hex()) == ("webhook", TRACEPARENT.split("-")[1])


def test_spans_are_recorded_where_there_is_a_collector_and_a_share_of_them_is_wanted(provider: Stub) -> None:
    assert _otlp(provider).records_spans
    assert not Settings().records_spans
    assert not _otlp(provider, TRACE_RATIO="0").records_spans


def test_headers_that_are_none_are_refused_without_their_values(provider: Stub) -> None:
    with pytest.raises(ConfigurationInvalid, match="give headers such as") as refused:
        _otlp(provider, OTEL_EXPORTER_OTLP_HEADERS="a secret without a name")
    assert "secret" not in refused.value.detail
