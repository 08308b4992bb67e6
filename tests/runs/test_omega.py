"""Omega's integration flow, as an external dashboard's backend goes through it."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from tests.eventually import eventually
from tests.evolution import recorded
from tests.functions.omega.test_pairing import golden
from tests.runs.conftest import Deployment
from tests.runs.server import PATIENCE, Client, Server

pytestmark = pytest.mark.slow


def test_the_code_is_shown_scanned_and_the_account_watched(deployment: Deployment) -> None:
    server = deployment.server
    omega = server.client(server.operators_key("the-saas"))
    assert requests.get(f"{server.url}/api/health", timeout=PATIENCE).status_code == 401
    assert omega.get("/api/health")["whatsapp"] == "not_configured"

    ready = omega.post("/api/pair")
    assert list(ready) == list(golden("pair_qr_ready"))
    assert base64.b64decode(ready["qr_png_base64"], validate=True).startswith(b"\x89PNG\r\n\x1a\n")
    assert omega.get("/api/pair/status?timeout=0") == golden("pair_status_pending")

    with ThreadPoolExecutor() as pool:
        polling = pool.submit(omega.get, "/api/pair/status")
        eventually(polling.running)
        _scanned(server, deployment)
        assert polling.result(timeout=PATIENCE) == golden("pair_status_paired")

    assert omega.post("/api/pair") == golden("pair_already_paired")
    healthy = omega.get("/api/health")
    assert list(healthy) == list(golden("health"))
    assert {**healthy, "uptime_secs": 0} == {**golden("health"), "uptime_secs": 0}


def _scanned(server: Server, deployment: Deployment) -> None:
    """The account's owner scans the code, and Evolution tells the hub where it was told to."""
    hook = deployment.evolution.hook
    deployment.evolution.state = "open"
    Client(server.url, hook["headers"]).post(urlsplit(hook["url"]).path, recorded("connection.update-open"))
