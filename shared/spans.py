"""The journey of a message as OpenTelemetry spans, sent to Cloud Trace on Google Cloud, and to an OTLP collector.

What is traced anyway (`shared.logs.tracing`) is recorded here; nothing else in
the hub knows of OpenTelemetry.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.config import Settings
from shared.logs import Recorder, record_spans

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

log = logging.getLogger(__name__)


def start(settings: Settings) -> None:
    """Begin to record where the settings want it, beside the start of everything else.

    Loading an exporter takes a tenth of a second and more, which no first request should
    wait for; what happens before it is loaded is not recorded.
    """
    if settings.records_spans:
        threading.Thread(target=_start, args=[settings], name="spans", daemon=True).start()


def _start(settings: Settings) -> None:
    try:
        record(*exporters(settings), ratio=settings.trace_ratio)
    except Exception:  # whatever is wrong with tracing must not stop messages
        log.exception("spans are not recorded")


def exporters(settings: Settings) -> Iterator[SpanExporter]:
    """Who is told of spans, as the settings want it."""
    if settings.has_cloud_trace:
        from opentelemetry.exporter.cloud_trace import CloudTraceSpanExporter  # noqa: PLC0415 - costs cold start

        yield CloudTraceSpanExporter(settings.google_cloud_project)  # type: ignore[no-untyped-call]  # has no types
    if settings.otel_exporter_otlp_endpoint is not None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - costs cold start
            OTLPSpanExporter,
        )

        headers = {name: value.get_secret_value() for name, value in settings.otel_exporter_otlp_headers.items()}
        # https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp
        yield OTLPSpanExporter(endpoint=f"{settings.otel_exporter_otlp_endpoint}/v1/traces", headers=headers)


def record(*exporters: SpanExporter, ratio: float = 1.0) -> TracerProvider:
    """Record spans and give them to the exporters in batches; only that share of the traces, chosen by their ids.

    What has not been exported yet is at the end of the process, or by the provider's `force_flush`.
    """
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - costs cold start
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - costs cold start
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - costs cold start
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased  # noqa: PLC0415 - costs cold start

    named = Resource.create({"service.name": "omnichannel-hub"})
    provider = TracerProvider(sampler=TraceIdRatioBased(ratio), resource=named)
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    record_spans(_recorder(provider.get_tracer("omnichannel-hub")))
    return provider


def _recorder(tracer: Tracer) -> Recorder:
    from opentelemetry import trace as api  # noqa: PLC0415 - costs cold start

    @contextmanager
    def recorder(kind: str, name: str, traceparent: str) -> Iterator[str]:
        _, trace_id, parent_id, flags = traceparent.split("-")
        sampled = api.TraceFlags(api.TraceFlags.SAMPLED)
        parent = api.SpanContext(int(trace_id, 16), int(parent_id, 16), is_remote=True, trace_flags=sampled)
        context = api.set_span_in_context(api.NonRecordingSpan(parent))
        span = tracer.start_span(name, context, kind=api.SpanKind[kind.upper()])
        try:
            own = f"{span.get_span_context().span_id:016x}" if span.is_recording() else parent_id
            yield f"00-{trace_id}-{own}-{flags}"
        except Exception as error:
            # Its text may hold what a customer wrote; the log, which is masked, tells more.
            span.set_status(api.StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            span.end()

    return recorder
