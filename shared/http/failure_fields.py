"""Fields that a dialect's failures have beside those that all have, for clients that look for them first."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flask import Response

from shared.http.blueprint import APIBlueprint


def add_to_failures(api: APIBlueprint, fields: Mapping[str, object]) -> None:
    """Have the failures of the blueprint's views carry the fields, too."""

    def add(response: Response) -> Response:
        if response.status_code >= 400 and response.is_json:
            response.set_data(json.dumps(dict(fields) | response.get_json()))
        return response

    api.after_request(add)
