"""Applications for tests. Compiling the routes costs more than most tests, so it happens once per set of blueprints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import copy
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from shared.config import Settings
from shared.deps import Deps
from shared.http import app as http
from shared.http.app import HubApp
from shared.http.blueprint import APIBlueprint

SETTINGS_ONLY = cast("Deps", SimpleNamespace(settings=Settings()))
"""For applications that are looked at and not worked with."""

_compiled: dict[tuple[bool, tuple[APIBlueprint, ...]], HubApp] = {}


def create_app(deps: Deps, blueprints: Sequence[APIBlueprint], *, documented: bool = True) -> HubApp:
    """As `shared.http.app.create_app`; applications of the same blueprints share their routes, and nothing else."""
    key = documented, tuple(blueprints)
    if key not in _compiled:
        _compiled[key] = http.create_app(deps, blueprints, documented=documented)
    app = copy(_compiled[key])
    app.extensions = {"hub": deps}
    return app


def openapi(blueprints: Sequence[APIBlueprint]) -> dict[str, Any]:
    """The OpenAPI document of the blueprints. Its writing takes a second, so it happens once, and when a test asks."""
    return cast("dict[str, Any]", json.loads(_written(tuple(blueprints))))


@cache
def _written(blueprints: tuple[APIBlueprint, ...]) -> str:
    return create_app(SETTINGS_ONLY, blueprints).test_client().get("/api/v1/openapi.json").text
