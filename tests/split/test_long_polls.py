"""Hundreds of clients may wait for the same scan, on one machine, in a function, and over Firestore."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.evolution import Evolution
from tests.google.deployment import require_emulators
from tests.google.split_hub import OTHERS, split_hub
from tests.infra.bridging import connected
from tests.infra.process import Process
from tests.split.processes import FunctionProcess
from tests.stubs import Stub

pytestmark = pytest.mark.slow

WAITING = 300
WAIT = b"GET /api/pair/status HTTP/1.1\r\nHost: hub\r\n\r\n"


def local_hub(directory: Path, variables: dict[str, str], stack: ExitStack) -> str:
    return stack.enter_context(closing(Process(directory / "hub", **variables))).url


def function(directory: Path, variables: dict[str, str], stack: ExitStack) -> str:
    """The public function of a small deployment, with few threads."""
    run = FunctionProcess("hub", {"DATA_DIR": str(directory), "THREADS": "4", **variables}, directory / "log")
    stack.callback(run.kill)
    run.start()
    return run.url


def on_firestore(directory: Path, variables: dict[str, str], stack: ExitStack) -> str:
    """Functions of a large deployment, over the emulators."""
    require_emulators()
    return stack.enter_context(split_hub(directory, (*OTHERS, "omega"), **variables)).url


@pytest.fixture(params=[local_hub, function, on_firestore])
def url(request: pytest.FixtureRequest, tmp_path: Path, provider: Stub) -> Iterator[str]:
    begin: Callable[..., str] = request.param
    with ExitStack() as stack:
        yield begin(tmp_path, {"EVOLUTION_URL": provider.url, "EVOLUTION_KEY": "global-key"}, stack)


def ask(method: str, url: str) -> Any:
    answer = requests.request(method, url, timeout=60)
    assert answer.ok, answer.text
    return answer.json()


def answer_on(connection: socket.socket) -> Any:
    connection.settimeout(60)
    response = http.client.HTTPResponse(connection)
    response.begin()
    return json.loads(response.read())


def test_all_who_wait_hear_of_the_scan_and_others_are_served_meanwhile(url: str, provider: Stub) -> None:
    server = Evolution(provider)
    assert ask("POST", f"{url}/api/pair")["status"] == "qr_ready"
    with ExitStack() as stack:
        waiting = [stack.enter_context(connected(url.removeprefix("http://"), WAIT)) for _ in range(WAITING)]
        assert ask("GET", f"{url}/api/health")["whatsapp"] == "disconnected"
        server.state = "open"
        [instance] = ask("GET", f"{url}/api/v1/instances")
        assert ask("GET", f"{url}/api/v1/instances/{instance['name']}/status")["status"] == "connected"
        answers = [answer_on(connection) for connection in waiting]
    assert [answer["status"] for answer in answers] == ["paired"] * WAITING
