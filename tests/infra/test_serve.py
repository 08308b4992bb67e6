"""The hub as an operator starts and stops it: a real process."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest
import requests
import socketio

from infra.local.ticking import Ticking
from shared.deps import Deps
from tests.infra.process import Start

pytestmark = pytest.mark.slow


def test_it_prints_its_address_and_answers(start: Start) -> None:
    hub = start()
    assert re.fullmatch(r"listening on http://127\.0\.0\.1:\d+\n", hub.first_line)
    answer = requests.get(f"{hub.url}/health", timeout=10)
    assert answer.status_code == 200
    assert answer.json()["db"] == "up"
    assert requests.get(f"{hub.url}/no/such/page", timeout=10).status_code == 404


def test_metrics_have_a_port_of_their_own_and_are_not_at_the_hubs(start: Start) -> None:
    hub = start(METRICS_PORT="0")
    address = re.search(r"metrics are at (http://127\.0\.0\.1:\d+/metrics)", hub.errors)
    assert address, hub.errors
    assert 'hub_info{version="' in requests.get(address[1], timeout=20).text
    assert requests.get(f"{hub.url}/metrics", timeout=20).status_code == 404
    assert hub.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0_and_no_complaint(start: Start, number: int) -> None:
    hub = start(cold=number is signal.SIGTERM)
    assert hub.stop(number) == 0
    assert '"severity": "ERROR"' not in hub.errors
    assert "Traceback" not in hub.errors


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_connected_clients_do_not_hold_up_its_end(start: Start, transport: str) -> None:
    hub = start(API_KEY="the-key-of-the-test")
    idle = http.client.HTTPConnection(hub.url.removeprefix("http://"), timeout=10)
    session = requests.Session()
    client = socketio.Client(reconnection=False, http_session=session)
    with closing(idle), closing(session):
        idle.request("GET", "/health")
        idle.getresponse().read()
        client.connect(hub.url, auth={"token": "the-key-of-the-test"}, transports=[transport], wait_timeout=10)
        connection = client.eio.ws
        assert hub.stop() == 0
        assert "graceful shutdown exceeded" not in hub.errors
        client.eio.wait()
        if connection is not None:
            connection.shutdown()


def test_an_empty_hub_prints_where_its_owner_signs_up_and_keeps_its_data_from_start_to_start(start: Start) -> None:
    account = {"email": "ada@example.com", "password": "correct horse battery", "tenantName": "Acme"}
    hub = start()
    line = hub.next_line()
    link = re.fullmatch(rf"the first owner signs up at {hub.url}/api/auth/link\?token=([\w-]{{43}})\n", line)
    assert link, line
    done = requests.post(f"{hub.url}/api/auth/setup", json={"token": link[1]} | account, timeout=20)
    assert done.status_code == 201, done.text
    token = done.json()["accessToken"]
    assert hub.stop() == 0
    assert hub.next_line() == ""
    assert link[1] not in hub.errors
    again = start()
    me = requests.get(f"{again.url}/api/auth/me", headers={"Authorization": f"Bearer {token}"}, timeout=20)
    assert me.json()["user"]["email"] == "ada@example.com"
    assert again.stop() == 0
    assert again.next_line() == ""


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"PORT": "eighty"}, "PORT"),
        ({"ENVIRONMENT": "staging"}, "ENVIRONMENT"),
        ({"ENVIRONMENT": "production"}, "JWT_SECRET"),
        ({"BACKEND": "google"}, "GOOGLE_CLOUD_PROJECT"),
        ({"HOST": "203.0.113.7"}, "HOST"),
        ({"DATA_DIR": "/dev/null/data"}, "DATA_DIR"),
    ],
)
def test_what_it_cannot_start_with_is_named_in_one_line(start: Start, variables: dict[str, str], named: str) -> None:
    hub = start(**variables)
    assert hub.first_line == ""
    assert hub.process.wait(30) == 2
    assert re.fullmatch(rf"the hub cannot start: .*\b{named}\b.*\n", hub.errors)


def test_a_port_that_is_taken_is_named(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        hub = start(PORT=str(port))
        assert hub.process.wait(30) == 2
    assert f"HOST, PORT: cannot listen on 127.0.0.1 port {port}" in hub.errors


def test_a_second_process_on_the_same_data_is_refused_and_the_first_goes_on(start: Start) -> None:
    first = start("first")
    second = start("second", DATA_DIR="../first/data")
    assert second.process.wait(30) == 2
    assert "the hub cannot start: " in second.errors
    assert "Traceback" not in second.errors
    assert requests.get(f"{first.url}/health", timeout=10).status_code == 200


@pytest.mark.parametrize(
    ("variables", "severity", "expected"),
    [
        ({"DATABASE_URL": "postgres://u:hunter2@h/db"}, "WARNING", "DATABASE_URL is set and not used"),
        ({"ENVIRONMENT": "production", "JWT_SECRET": "0123456789abcdef" * 3}, "ERROR", "API_KEY is not set"),
        ({"HOST": "0.0.0.0"}, "WARNING", "API_KEY is not set"),  # noqa: S104 - what is warned of
    ],
)
def test_a_risky_setting_is_told_once(start: Start, variables: dict[str, str], severity: str, expected: str) -> None:
    hub = start(**variables)
    hub.stop()
    warnings = [line for line in hub.errors.splitlines() if expected in line]
    assert len(warnings) == 1
    assert f'"severity": "{severity}"' in warnings[0]
    assert "hunter2" not in hub.errors


def test_without_a_risky_setting_nothing_is_told(start: Start) -> None:
    hub = start(HOST="0.0.0.0", API_KEY="the-key-of-the-test")  # noqa: S104 - safe with a key
    hub.stop()
    assert "API_KEY" not in hub.errors
    assert "the-key-of-the-test" not in hub.errors


def test_a_tick_that_fails_is_logged_and_the_next_one_comes(deps: Deps, caplog: pytest.LogCaptureFixture) -> None:
    deps.store.close()
    ticking = Ticking(deps, interval=0.01)
    deadline = time.monotonic() + 10
    while caplog.text.count("tick failed") < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    ticking.stop()
    assert caplog.text.count("tick failed") >= 2
    assert "recover failed" in caplog.text


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux lets a process choose its cores")
def test_all_threads_stay_on_one_core(start: Start) -> None:
    hub = start()

    tasks = Path(f"/proc/{hub.process.pid}/task").iterdir()
    assert {len(os.sched_getaffinity(int(task.name))) for task in tasks} == {1}
