"""What became of customers' messages, as tools for later Omni servers ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from flask import Response
from flask_openapi.models import Tag

from functions.omnihub.trace_schemas import (
    Cleanup,
    CleanupOut,
    CleanupQuery,
    DryCleanup,
    PayloadsOut,
    PayloadsQuery,
    PhonePath,
    PhoneQuery,
    SpanQuery,
    SummaryOut,
    TraceOut,
    TracePath,
    TracesOut,
    TracesQuery,
)
from shared.domain.accounts import Role
from shared.domain.instances import Instance
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.usecases.instances import instances
from shared.usecases.overview import traces
from shared.usecases.overview.traces import Trace, TraceFilter

MOST_SUMMED = 5000
"""How many traces the summary is made of, the newest ones."""

_NOTHING_KEPT = "Traces are read from the messages, which stay: there is nothing to delete"

api = APIBlueprint("omnihub_traces", __name__, url_prefix="/api/v1/traces", abp_tags=[Tag(name="Omni-Hub")])
cors(api)
protect(api, Access.HUB)


@api.get("", responses={200: TracesOut, 404: Failure})
def list_traces(query: TracesQuery) -> Response:
    """List traces, newest first; those of the last 24 hours unless dates or `all_time` are given."""
    only = query.filter(_named(query.instance_name), deps().now())
    return _listed(traces.newest(deps(), caller().tenant_id, only, query.limit, query.offset))


@api.get("/phone/<phone>", responses={200: TracesOut})
def list_traces_of_phone(path: PhonePath, query: PhoneQuery) -> Response:
    """List all traces of one number, newest first."""
    return _listed(traces.newest(deps(), caller().tenant_id, TraceFilter(phone=path.phone), query.limit))


@api.get("/analytics/summary", responses={200: SummaryOut, 404: Failure})
def summary(query: SpanQuery) -> Response:
    """Sum up the traces of a time, of very many the newest."""
    start, end = query.span(deps().now())
    only = TraceFilter(instance=_named(query.instance_name), start=start, end=end)
    summed = traces.newest(deps(), caller().tenant_id, only, MOST_SUMMED)
    names = {key: instance.name for key, instance in _instances_of(summed).items()}
    return answer(SummaryOut.of(summed, names))


@api.delete("/cleanup", responses={200: CleanupOut})
def clean_up(query: CleanupQuery) -> Response:
    """Say that there is nothing to clean up."""
    require(Role.ADMIN)
    if query.dry_run:
        return answer(DryCleanup(cutoff_date=deps().now() - timedelta(days=query.days_old), message=_NOTHING_KEPT))
    return answer(Cleanup(message=_NOTHING_KEPT))


@api.get("/<trace_id>", responses={200: TraceOut})
def read_trace(path: TracePath) -> Response:
    """Read one trace."""
    trace = traces.get(deps(), caller().tenant_id, path.trace_id)
    return answer(TraceOut.of(trace, _instances_of([trace]).get(trace.message.instance_id)))


@api.get("/<trace_id>/payloads", responses={200: PayloadsOut})
def list_payloads(path: TracePath, query: PayloadsQuery) -> Response:
    """List the steps of a trace, with what the hub keeps of them if asked for."""
    trace = traces.get(deps(), caller().tenant_id, path.trace_id)
    return answer(PayloadsOut.of(trace, with_payloads=query.include_payload))


def _listed(page: Sequence[Trace]) -> Response:
    named = _instances_of(page)
    return answer(TracesOut([TraceOut.of(trace, named.get(trace.message.instance_id)) for trace in page]))


def _instances_of(page: Sequence[Trace]) -> dict[str, Instance]:
    """The traces' instances by their ids, those that still exist."""
    return instances.by_ids(deps(), caller().tenant_id, {trace.message.instance_id for trace in page})


def _named(name: str | None) -> Instance | None:
    return instances.by_key(deps(), caller().tenant_id, name) if name else None
