"""One server for all runs, and the providers that it knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.evolution import Evolution
from tests.pipeline.hub import telegram_rules
from tests.runs.server import Client, Server
from tests.stubs import Stub, stub_server

API_KEY = "your_api_key"
DASHBOARD_TENANT = "the-dashboards-tenant"


@dataclass(frozen=True)
class Deployment:
    """A server, and the providers whose addresses are among its settings."""

    server: Server
    evolution: Evolution
    telegram: Stub


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Documents without credentials are served as `ANONYMOUS_TENANT`, the one with a single key by `API_KEY`."""
    with stub_server() as evolution, stub_server(prepare=telegram_rules) as telegram:
        server = Server(
            tmp_path_factory.mktemp("make-serve"),
            API_KEY=API_KEY,
            ANONYMOUS_TENANT=DASHBOARD_TENANT,
            EVOLUTION_URL=evolution.url,
            EVOLUTION_KEY="the-deployments-evolution-key",
            TELEGRAM_API_URL=telegram.url,
        )
        # The first to register owns the tenant of the API key; what the tests make there is to be theirs alone.
        operator = {"email": "operator@example.com", "password": "correct horse battery"}
        server.client().post("/api/auth/register", operator, 201)
        try:
            yield Deployment(server, Evolution(evolution), telegram)
        finally:
            server.stop()


@pytest.fixture
def server(deployment: Deployment) -> Server:
    return deployment.server


@pytest.fixture
def anonymous(server: Server) -> Client:
    """Somebody who shows no credential."""
    return server.client()
