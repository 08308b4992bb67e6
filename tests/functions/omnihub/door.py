"""Omni-Hub's door to instances."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

PATH = "/api/v1/instances"


def create(client: FlaskClient, new: dict[str, Any], name: str, **fields: Any) -> Any:
    """Make an instance of the body `new`; returns the answer."""
    answer = client.post(PATH, json=new | {"name": name} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json
