"""Clients that are generated from the OpenAPI document: whole, typed, and able to talk to a hub."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.hub.main import blueprints
from infra.local.server.request_bodies import RequestBodies
from infra.local.server.wsgi import WSGIBridge
from infra.sockets.server import SocketServer
from shared.deps import Deps
from tests.apps import create_app, openapi
from tests.functions.keys import key_for
from tests.infra.hosting import hosted
from tests.node import JAVASCRIPT, need

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PYTHON_CALLS = """
import sys
from hub_client import AuthenticatedClient
from hub_client.api.dashboard_channels import dashboard_channels_list_channels
from hub_client.api.dashboard_customers import dashboard_customers_create_customer, dashboard_customers_read_profile
from hub_client.api.dashboard_sessions import dashboard_sessions_active_sessions
from hub_client.models import ActiveSessionsOut, CustomerIn, DashboardChannelsOut, DashboardProfileOut, Error
from hub_client.models import SavedProfileOut


def main(url: str, key: str) -> None:
    client = AuthenticatedClient(base_url=url, token=key, raise_on_unexpected_status=True)
    saved = dashboard_customers_create_customer.sync(client=client, body=CustomerIn(name="Ada", phone="+15550001111"))
    assert isinstance(saved, SavedProfileOut), saved
    profile = dashboard_customers_read_profile.sync(saved.customer_id, client=client)
    assert isinstance(profile, DashboardProfileOut), profile
    name: str | None = profile.name
    assert name == "Ada"
    sessions = dashboard_sessions_active_sessions.sync(client=client)
    assert isinstance(sessions, ActiveSessionsOut), sessions
    assert sessions.sessions == []
    channels = dashboard_channels_list_channels.sync(client=client)
    assert isinstance(channels, DashboardChannelsOut), channels
    missing = dashboard_customers_read_profile.sync("nobody", client=client)
    assert isinstance(missing, Error), missing
    assert missing.code == "not_found"


main(*sys.argv[1:])
"""

TYPESCRIPT_CALLS = """
import createClient from "openapi-fetch";
import type { components, paths } from "./hub.js";

declare const process: { argv: string[] };

const [url, key] = process.argv.slice(2);
const hub = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });

function check(isSo: boolean, what: string): void {
    if (!isSo) throw new Error(what);
}

const saved = await hub.POST("/customers", { body: { name: "Ada", phone: "+15550001111" } });
const customer_id: string = saved.data?.customer_id ?? "";
const profile = await hub.GET("/customers/{customer_id}/profile", { params: { path: { customer_id } } });
const name: string | null | undefined = profile.data?.name;
check(name === "Ada", "the customer's name");
const active = await hub.GET("/sessions/active");
const statuses: string[] | undefined = active.data?.sessions.map((session) => session.status);
check(statuses?.length === 0, "no sessions");
const missing = await hub.GET("/customers/{customer_id}/profile", { params: { path: { customer_id: "nobody" } } });
const failure: components["schemas"]["Error"] | undefined = missing.error;
check(failure?.code === "not_found", "the failure's code");
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(openapi(blueprints())))
    return path


@pytest.fixture
def url(deps: Deps) -> Iterator[str]:
    bridge = WSGIBridge(create_app(deps, blueprints()), RequestBodies(1000), threads=2)
    with hosted(SocketServer(deps), bridge) as address:
        yield address
    bridge.close()


def run(*command: str, directory: Path) -> str:
    """What the command prints; it has to succeed."""
    program, *arguments = command
    own = Path(sys.executable).parent / program
    call = [str(own) if own.exists() else program, *arguments]
    done = subprocess.run(call, cwd=directory, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_python_client_is_whole_typed_and_can_call(deps: Deps, document: Path, url: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("post_hooks: []\n")
    command = ["openapi-python-client", "generate", "--path", document.name, "--output-path", "hub_client"]
    output = run(*command, "--meta", "none", "--config", "config.yaml", directory=tmp_path)
    assert output.strip() == "Generating hub_client", "whatever cannot be generated is left out, and told"
    (tmp_path / "calls.py").write_text(PYTHON_CALLS)
    run("mypy", "--cache-dir", str(tmp_path / "types"), "calls.py", directory=tmp_path)
    run("python", "calls.py", url, _key(deps), directory=tmp_path)


def test_a_typescript_client_is_whole_typed_and_can_call(deps: Deps, document: Path, url: str, tmp_path: Path) -> None:
    node = need(JAVASCRIPT, "REQUIRE_JAVASCRIPT")
    (tmp_path / "node_modules").symlink_to(JAVASCRIPT / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "calls.ts").write_text(TYPESCRIPT_CALLS)
    generator, compiler = "node_modules/openapi-typescript/bin/cli.js", "node_modules/typescript/bin/tsc"
    run(node, generator, document.name, "--output", "hub.ts", directory=tmp_path)
    strictly = ["--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022"]
    run(node, compiler, *strictly, "calls.ts", directory=tmp_path)
    run(node, "calls.js", url, _key(deps), directory=tmp_path)


def _key(deps: Deps) -> str:
    return key_for(deps, deps.settings.default_tenant_id)["Authorization"].removeprefix("Bearer ")
