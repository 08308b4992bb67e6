"""Each function starts as the platform and the image start it, ends when asked, and lets in whom it should."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from infra.deployables import load
from shared.domain.events import InboundEvent
from tests.forks.fork import ROOT
from tests.split.processes import FunctionProcess
from tests.stubs import Reply, Stub

pytestmark = pytest.mark.slow

FUNCTIONS = sorted(name for name, row in load().functions.items() if row.kind not in ("container", "worker"))
AUDIENCE = "https://normalize.example"
ACCOUNT = "push@hub.iam.gserviceaccount.com"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_starts_under_the_framework_and_says_how_it_is(name: str, tmp_path: Path) -> None:
    run = FunctionProcess(name, {"DATA_DIR": str(tmp_path / "data")}, tmp_path / "log", framework=True)
    try:
        run.start()
        for path in ("/health/live", "/health/ready"):
            answer = requests.get(run.url + path, timeout=20)
            assert (answer.status_code, answer.json()["status"]) == (200, "healthy"), path
    finally:
        run.kill()


@pytest.fixture
def normalize(tmp_path: Path) -> Iterator[FunctionProcess]:
    """As the image runs it, with four threads."""
    run = FunctionProcess("normalize", {"DATA_DIR": str(tmp_path / "data"), "THREADS": "4"}, tmp_path / "log")
    run.start()
    yield run
    run.kill()


def _event(seconds_from_now: float = 0.0) -> dict[str, Any]:
    """A push of an event for a channel that is gone, which is work that ends well."""
    now = datetime.now(UTC)
    event = InboundEvent(tenant_id="t", instance_id="gone", channel="telegram_bot", payload={}, received_at=now)
    not_before = (now + timedelta(seconds=seconds_from_now)).isoformat()
    data = base64.b64encode(event.model_dump_json().encode()).decode()
    return {"message": {"data": data, "messageId": "1", "attributes": {"not_before": not_before}}, "subscription": "s"}


def _push(url: str, body: dict[str, Any], token: str | None = None) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.post(url, json=body, headers=headers, timeout=30).status_code


def test_work_in_progress_is_finished_after_sigterm_and_no_more_is_taken(normalize: FunctionProcess) -> None:
    with ThreadPoolExecutor() as pool:
        running = pool.submit(_push, normalize.url, _event(seconds_from_now=2))
        time.sleep(0.5)
        began = time.monotonic()
        process = normalize.ask_to_end()
        assert running.result() == 204
        assert process.wait(10) == 0, "Cloud Run kills after ten seconds"
        assert time.monotonic() - began < 10
    with pytest.raises(requests.ConnectionError):
        _push(normalize.url, _event())


def test_events_that_wait_do_not_hold_up_others(normalize: FunctionProcess) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(_push, normalize.url, _event(seconds_from_now=3)) for _ in range(3)]
        assert _push(normalize.url, _event()) == 204
        assert not any(each.done() for each in waiting)
        assert [each.result() for each in waiting] == [204] * 3


def test_an_event_that_is_due_much_later_is_refused_to_come_again(normalize: FunctionProcess) -> None:
    assert _push(normalize.url, _event(seconds_from_now=60)) == 503


def test_a_function_does_not_start_with_settings_that_are_wrong(tmp_path: Path) -> None:
    environment = {
        "PYTHONPATH": str(ROOT),
        "FUNCTION_SOURCE": "functions/normalize/main.py",
        "FUNCTION_TARGET": "handler",
        "BACKEND": "google",
        "GOOGLE_CLOUD_PROJECT": "hub",
        "ENVIRONMENT": "production",
        "JWT_SECRET": "x" * 32,
    }
    gunicorn = str(Path(sys.executable).with_name("gunicorn"))
    command = [gunicorn, "--config=infra/images/gunicorn.conf.py", "--bind=127.0.0.1:0"]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 2
    [line] = run.stderr.splitlines()
    assert "PUSH_AUDIENCE: is required" in line


@pytest.mark.parametrize("name", ["normalize", "tick"])
def test_only_googles_own_calls_of_the_account_come_in(name: str, provider: Stub, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    published = json.loads(RSAAlgorithm.to_jwk(key.public_key())) | {"kid": "k"}
    provider.on("GET", "/certs", Reply(json={"keys": [published]}, headers={"Cache-Control": "max-age=3600"}))
    environment = {
        "DATA_DIR": str(tmp_path / "data"),
        "PUSH_AUDIENCE": AUDIENCE,
        "PUSH_SERVICE_ACCOUNT": ACCOUNT,
        "GOOGLE_CERTS_URL": f"{provider.url}/certs",
    }

    def token(**claims: object) -> str:
        usual = {"iss": "https://accounts.google.com", "aud": AUDIENCE, "email": ACCOUNT, "email_verified": True}
        times = {"iat": int(time.time()), "exp": int(time.time()) + 3600}
        return jwt.encode(usual | times | claims, key, algorithm="RS256", headers={"kid": "k"})

    run = FunctionProcess(name, environment, tmp_path / "log")
    try:
        run.start()
        assert _push(run.url, _event()) == 401
        assert _push(run.url, _event(), "nonsense") == 401
        assert _push(run.url, _event(), token(aud="https://other.example")) == 401
        assert _push(run.url, _event(), token(email="other@hub.iam.gserviceaccount.com")) == 403
        assert _push(run.url, _event(), token()) == 204
        assert requests.get(f"{run.url}/health/ready", timeout=20).status_code == 200
        assert len(provider.to("/certs")) == 1
        assert token() not in run.log.read_text()
    finally:
        run.kill()
