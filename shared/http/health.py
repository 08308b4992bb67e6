"""Health checks that a platform makes of every deployable: liveness and readiness."""

from __future__ import annotations

import json
from typing import Final

from werkzeug.wrappers import Response

from shared.deps import Deps

LIVE: Final = "/health/live"
READY: Final = "/health/ready"


def report(deps: Deps, path: str) -> Response | None:
    """The answer to a request for either path, None to any other; 503 while the store does not answer."""
    if path not in (LIVE, READY):
        return None
    from shared.usecases.reporting import health  # noqa: PLC0415 - costs cold start, and every request comes by here

    healthy = path == LIVE or health.check(deps).store_up
    body = json.dumps({"status": "healthy" if healthy else "unhealthy"})
    return Response(body, 200 if healthy else 503, {"Cache-Control": "no-store"}, mimetype="application/json")
