"""Moving traffic, with a gcloud that notes what it is told; and the smoke test, against a real hub."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from pydantic import SecretStr

from functions.hub.main import blueprints
from infra import smoke
from shared.deps import Deps
from tests.apps import create_app
from tests.stubs import Stub

ROOT = Path(__file__).parents[2]
PLACE = ["p", "europe-west1", "hub"]

GCLOUD = """#!{python}
import json, sys
with open("{notes}", "a") as notes:
    notes.write(" ".join(a for a in sys.argv[1:] if a.startswith(("--to", "--update"))
                or a in ("list", "describe", "update-traffic", "update-instance-split", "worker-pools")
                or a.startswith(("hub-", "other"))) + "\\n")
def service(name, *traffic):
    return {{"metadata": {{"name": name}}, "status": {{"traffic": list(traffic)}}}}
def pool(name, *splits):
    return {{"metadata": {{"name": name}}, "status": {{"instanceSplits": list(splits)}}}}
live = dict(revisionName="hub-hub-00001", percent=100)
tagged = dict(revisionName="hub-hub-00002", tag="candidate", url="https://candidate---hub-hub.run.app")
services = [service("hub-hub", live, tagged), service("hub-new"), service("other", live)]
split = dict(revisionName="hub-holders-00003", percent=100)
pools = [pool("hub-holders", split), pool("other-holders", split)]
if "list" in sys.argv:
    print(json.dumps(pools if "worker-pools" in sys.argv else services))
else:
    print(json.dumps(services[0]))
"""


@pytest.fixture
def gcloud(tmp_path: Path) -> Path:
    program = tmp_path / "gcloud"
    program.write_text(GCLOUD.format(python=sys.executable, notes=tmp_path / "notes"), "utf-8")
    program.chmod(0o755)
    return tmp_path


def _release(folder: Path, *arguments: str) -> tuple[str, list[str]]:
    command = [sys.executable, str(ROOT / "infra" / "release.py"), *arguments]
    done = subprocess.run(command, env={"PATH": str(folder)}, capture_output=True, text=True, check=True)
    return done.stdout, (folder / "notes").read_text("utf-8").splitlines()


def test_holding_pins_what_serves_and_leaves_others_services_alone(gcloud: Path) -> None:
    _, commands = _release(gcloud, "hold", *PLACE, str(gcloud / "state"))
    assert commands == [
        "list",
        "update-traffic hub-hub --to-revisions=hub-hub-00001=100",
        "worker-pools list",
        "worker-pools update-instance-split hub-holders --to-revisions=hub-holders-00003=100",
    ]
    state = json.loads((gcloud / "state").read_text("utf-8"))
    assert state == {"services": {"hub-hub": "hub-hub-00001"}, "pools": {"hub-holders": "hub-holders-00003"}}


def test_rolling_back_gives_traffic_and_instances_to_what_was_held(gcloud: Path) -> None:
    state = {"services": {"hub-hub": "hub-hub-00001"}, "pools": {"hub-holders": "hub-holders-00003"}}
    (gcloud / "state").write_text(json.dumps(state), "utf-8")
    _, commands = _release(gcloud, "rollback", *PLACE, str(gcloud / "state"))
    assert commands == [
        "update-traffic hub-hub --to-revisions=hub-hub-00001=100",
        "worker-pools update-instance-split hub-holders --to-revisions=hub-holders-00003=100",
    ]


def test_promoting_gives_everything_to_the_newest(gcloud: Path) -> None:
    _, commands = _release(gcloud, "promote", *PLACE)
    assert commands == [
        "list",
        "update-traffic hub-hub --to-latest",
        "update-traffic hub-new --to-latest",
        "worker-pools list",
        "worker-pools update-instance-split hub-holders --to-latest",
    ]


def test_a_candidate_has_an_address_of_its_own(gcloud: Path) -> None:
    printed, commands = _release(gcloud, "candidate", *PLACE, "hub")
    assert printed == "https://candidate---hub-hub.run.app\n"
    assert commands == ["update-traffic hub-hub --update-tags=candidate=LATEST", "describe hub-hub"]


def test_an_unknown_action_says_how_it_is_used() -> None:
    command = [sys.executable, str(ROOT / "infra" / "release.py"), "hodl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "rollback STATE" in done.stderr


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def deployed(deps: Deps) -> Iterator[str]:
    """The hub with a key, as it is deployed, on 127.0.0.1."""
    settings = deps.settings.model_copy(update={"api_key": SecretStr("k" * 32)})
    app = create_app(replace(deps, settings=settings), blueprints())
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_hub_that_works_passes_the_smoke_test(deployed: str) -> None:
    assert list(smoke.failures(deployed, patience=0)) == []


def test_a_server_that_is_no_hub_fails_each_check(provider: Stub) -> None:
    assert len(list(smoke.failures(provider.url, patience=0))) == len(smoke.CHECKS)


def test_an_address_without_a_server_is_told_as_such() -> None:
    failures = list(smoke.failures("http://127.0.0.1:1", patience=0))
    assert failures[0] == "GET /health/live: no answer (ConnectionRefusedError)"


def test_the_smoke_test_ends_with_a_status(deployed: str) -> None:
    command = [sys.executable, str(ROOT / "infra" / "smoke.py")]
    right = subprocess.run([*command, deployed], capture_output=True, text=True, check=False)
    assert (right.returncode, right.stdout) == (0, f"all {len(smoke.CHECKS)} answers are right\n")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
