"""How the hub is, and what it can do; open to everybody."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.dashboard.schemas import (
    CHANNELS,
    CapabilitiesOut,
    CapabilitiesQuery,
    HealthOut,
    LiveOut,
    Services,
)
from functions.dashboard.vocabulary import VOCABULARY
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.unknown_names import any_names
from shared.usecases.reporting import health

DOCUMENTED_CHANNELS = ["whatsapp", "voice", "video", "chat", "email", "sms"]
FEATURES = ["session_transfer", "analytics", "routing"]

api = APIBlueprint("dashboard_system", __name__, vocabulary=VOCABULARY, abp_tags=[Tag(name="System")])
cors(api)


@api.get("/health", responses={200: HealthOut})
@any_names
def read_health() -> Response:
    """Tell how the hub is; always 200, for clients throw other answers away unread."""
    return answer(_health())


@api.get("/health/ready", responses={200: HealthOut, 503: HealthOut})
@any_names
def ready() -> Response:
    """Tell a load balancer whether to send requests: 503 while the store does not answer."""
    state = _health()
    return answer(state, 200 if state.db == "up" else 503)


@api.get("/health/live", responses={200: LiveOut})
@any_names
def live() -> Response:
    """Tell that the process runs."""
    return answer(LiveOut(status="healthy"))


@api.get("/capabilities", responses={200: CapabilitiesOut})
def capabilities(query: CapabilitiesQuery) -> Response:
    """List channels and features."""
    channels = list(CHANNELS.values()) if query.include == "all" else DOCUMENTED_CHANNELS
    return answer(CapabilitiesOut(channels=channels, features=FEATURES, version=health.VERSION))


def _health() -> HealthOut:
    report = health.check(deps())
    state = "up" if report.store_up else "down"
    return HealthOut(
        status="healthy" if report.store_up else "unhealthy",
        db=state,
        uptime=report.uptime,
        timestamp=deps().now(),
        services=Services(database=state, redis=state, webhooks=state),
        version=health.VERSION,
    )
