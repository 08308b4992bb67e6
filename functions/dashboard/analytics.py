"""Figures for the dashboard."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.dashboard import start_page
from functions.dashboard.analytics_schemas import (
    DashboardOut,
    DashboardQuery,
    PerformanceOut,
    PerformanceQuery,
    SatisfactionOut,
    SatisfactionQuery,
)
from functions.dashboard.vocabulary import VOCABULARY
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.conditional import polled
from shared.http.cors import cors
from shared.http.guards import Access, caller, protect
from shared.usecases.conversations import calls
from shared.usecases.reporting import analytics

api = APIBlueprint(
    "dashboard_analytics",
    __name__,
    vocabulary=VOCABULARY,
    url_prefix="/analytics",
    abp_tags=[Tag(name="Dashboard analytics")],
)
cors(api)
protect(api, Access.DASHBOARD)


@api.get("/dashboard", responses={200: DashboardOut, 304: None})
def dashboard(query: DashboardQuery) -> Response:
    """Show what happened on all channels, as totals, by channel and over time."""
    tenant_id = caller().tenant_id
    overview = analytics.overview(deps(), tenant_id, query.range)
    figures = DashboardOut.of(overview)
    if start_page.asks():
        figures.totalCalls = overview.total.calls
        figures.activeCalls = calls.count_open_of_tenant(deps(), tenant_id)
    return start_page.with_vary(polled(figures))


@api.get("/channel-performance", responses={200: PerformanceOut, 304: None})
def channel_performance(query: PerformanceQuery) -> Response:
    """Show how one channel type did, or all together."""
    performance = analytics.performance(deps(), caller().tenant_id, query.channel, query.range)
    return polled(PerformanceOut.of(query, performance))


@api.get("/customer-satisfaction", responses={200: SatisfactionOut, 304: None})
def customer_satisfaction(query: SatisfactionQuery) -> Response:
    """Show how customers rated their sessions, from 1 to 5."""
    return polled(SatisfactionOut.of(analytics.satisfaction(deps(), caller().tenant_id, query.range)))
