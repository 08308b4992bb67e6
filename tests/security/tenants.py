"""Two businesses and a stranger, each by the credential of its own owner, on a deployment with given settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from functions.hub.main import blueprints
from shared.deps import Deps
from tests.apps import create_app


@dataclass
class Business:
    """What one tenant's owner does over HTTP."""

    client: FlaskClient
    headers: Mapping[str, str]
    tenant_id: str

    def call(self, method: str, path: str, body: Any = None) -> TestResponse:
        return self.client.open(path, method=method, json=body, headers=self.headers)

    def whatsapp(self, name: str, **config: Any) -> Any:
        """A WhatsApp channel as OmniChat shows it once it was connected."""
        answer = self.call("POST", "/api/channels", {"name": name, "type": "WHATSAPP", "config": config})
        assert answer.status_code == 201, answer.text
        created: Any = answer.json
        return self.call("GET", f"/api/channels/{created['id']}").json


def deployment(deps: Deps, **settings: Any) -> Deps:
    """The same backend behind a public address, with other settings."""
    changed = deps.settings.model_copy(update={"public_url": "https://hub.example.com"} | settings)
    return replace(deps, settings=changed)


def business(deps: Deps, name: str) -> Business:
    """A tenant that registered by itself."""
    client = create_app(deps, blueprints(), documented=False).test_client()
    answer = client.post("/api/auth/register", json={"email": f"{name}@example.com", "password": "correct horse"})
    assert answer.status_code == 201, answer.text
    session: Any = answer.json
    return Business(client, {"Authorization": f"Bearer {session['accessToken']}"}, session["tenant"]["id"])
