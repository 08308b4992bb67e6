"""The address that providers are told to call."""

from __future__ import annotations

from dataclasses import replace

from flask import request

from shared.deps import Deps
from shared.http.app import deps
from shared.http.limits import origin


def deps_with_origin() -> Deps:
    """What the application was made with; in development the request's own origin serves as its `own_address`.

    For views that connect something. Only what may be near us takes that
    address (Evolution, a person's browser); other providers want `PUBLIC_URL`.
    """
    current = deps()
    return replace(current, settings=current.settings.with_origin(origin(current, request)))
