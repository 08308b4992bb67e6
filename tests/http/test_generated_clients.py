"""Clients that are generated from the OpenAPI document: whole, typed, and able to talk to a hub."""

from __future__ import annotations

import json
import shutil
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

pytestmark = pytest.mark.slow

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
import type { operations, paths } from "./hub";

type Created = paths["/customers"]["post"]["responses"]["201"]["content"]["application/json"];
type Listed = operations["dashboard_sessions_active_sessions"]["responses"]["200"]["content"]["application/json"];

export const idOf = (created: Created): string => created.customer_id;
export const statuses = (listed: Listed): string[] => listed.sessions.map((session) => session.status);
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
    own = Path(sys.executable).with_name(program)
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
    key = key_for(deps, deps.settings.default_tenant_id)["Authorization"].removeprefix("Bearer ")
    run("python", "calls.py", url, key, directory=tmp_path)


@pytest.mark.skipif(shutil.which("npx") is None, reason="npx is not here: the TypeScript client is not checked")
def test_a_typescript_client_is_whole_and_typed(document: Path, tmp_path: Path) -> None:
    packages = ["openapi-typescript@7.13.0", "typescript@5.9.3"]
    names = [f"--package={package}" for package in packages]
    offline = ["npx", "--yes", "--prefer-offline", *names]
    if subprocess.run([*offline, "tsc", "--version"], cwd=tmp_path, capture_output=True, check=False).returncode:
        pytest.skip(f"npx cannot fetch {' and '.join(packages)}: the TypeScript client is not checked")
    run(*offline, "openapi-typescript", document.name, "--output", "hub.ts", directory=tmp_path)
    (tmp_path / "calls.ts").write_text(TYPESCRIPT_CALLS)
    run(*offline, "tsc", "--noEmit", "--strict", "--skipLibCheck", "calls.ts", directory=tmp_path)
