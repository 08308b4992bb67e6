"""What all routes of this dialect share. Scripts and dashboards call it from their servers: no web page may."""

from __future__ import annotations

from flask import abort
from flask_openapi.models import Tag

from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.guards import Access, protect


def omega_blueprint(name: str) -> APIBlueprint:
    """A blueprint that is there where `API_ENABLED` says so, and wants a credential."""
    api = APIBlueprint(name, __name__, url_prefix="/api", abp_tags=[Tag(name="Omega")])
    # Before the guard: what is switched off is not there for anybody.
    api.before_request(_check_enabled)
    protect(api, Access.HUB)
    return api


def _check_enabled() -> None:
    if not deps().settings.api_enabled:
        abort(404)
