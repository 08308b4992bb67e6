"""The Omni-Hub dialect, with an Evolution server that has every instance."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.omnihub.main import blueprints
from shared.deps import Deps
from tests.apps import create_app
from tests.stubs import Reply, Stub


@pytest.fixture
def evolution(provider: Stub) -> Stub:
    provider.on("GET", r"/instance/connectionState/", Reply(json={"instance": {"state": "close"}}))
    return provider


@pytest.fixture
def client(deps: Deps, evolution: Stub) -> FlaskClient:
    return create_app(deps, blueprints()).test_client()


@pytest.fixture
def new(evolution: Stub) -> dict[str, Any]:
    """A body that makes an instance; a name has to be added."""
    return {
        "evolution_url": evolution.url,
        "evolution_key": "evolution-key-1234",
        "agent_api_url": "http://localhost:3000",
        "agent_api_key": "agent-key-5678",
        "default_agent": "support",
    }
