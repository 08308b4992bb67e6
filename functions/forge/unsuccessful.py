"""The mark of a failure that one generation of Forge's client looks for before it reads the sentence."""

from __future__ import annotations

import json

from flask import Response

from shared.http.blueprint import APIBlueprint


def mark_failures(api: APIBlueprint) -> None:
    """Have the blueprint's failures carry `success: false`."""
    api.after_request(_mark)


def _mark(response: Response) -> Response:
    if response.status_code >= 400 and response.is_json:
        response.set_data(json.dumps({"success": False} | response.get_json()))
    return response
