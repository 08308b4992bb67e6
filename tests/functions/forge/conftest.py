"""A client of the Forge dialect, on a hub without configuration."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.forge.main import blueprints
from shared.deps import Deps
from tests.apps import create_app
from tests.stubs import Stub

GOLDEN = Path(__file__).parents[2] / "golden" / "forge"
KEY = "omni-key-1234"


@dataclass(frozen=True)
class Door:
    """What the client's wrapper does: read and write the settings, and list instances; answers as documented."""

    client: FlaskClient
    omni: Stub
    headers: dict[str, str] = field(default_factory=dict)

    def golden(self, name: str) -> Any:
        """A printed form, with the address of the server that plays Omni."""
        return json.loads((GOLDEN / f"{name}.json").read_text("utf-8").replace("http://localhost:8882", self.omni.url))

    def read(self, status: int = 200) -> Any:
        return _documented(self._call("GET", "config", status))

    def write(self, body: Any, status: int = 200) -> Any:
        return _documented(self._call("PUT", "config", status, body), "success")

    def instances(self, status: int = 200) -> Any:
        return _documented(self._call("GET", "omni/instances", status))

    def config(self, **omni: Any) -> dict[str, Any]:
        """Disabled settings with the Omni server's address and key, and what is given."""
        empty = self.golden("default_settings")["omni_config"]
        return {"omni_enabled": False, "omni_config": empty | {"host": self.omni.url, "api_key": KEY} | omni}

    def _call(self, method: str, path: str, status: int, body: Any = None) -> Any:
        answer = self.client.open(f"/api/forge/{path}", method=method, json=body, headers=self.headers)
        assert answer.status_code == status, answer.text
        return answer.json


def _documented(answer: dict[str, Any], *also: str) -> dict[str, Any]:
    """The answer without its envelope for later clients, which a failure has none of."""
    if not answer["success"]:
        return answer
    envelope = {"success", "data", "error_data", "message"} - {*also}
    return {name: value for name, value in answer.items() if name not in envelope}


@pytest.fixture
def door(deps: Deps, provider: Stub) -> Door:
    return Door(create_app(deps, blueprints()).test_client(), provider)
