"""The always-on container's program in this process, on the emulators: what it serves, and leaves behind."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import requests

from infra.sockets.__main__ import main
from shared.adapters.google.pubsub import PubSub, ensure_topics
from shared.bootstrap import bootstrap, close
from shared.config import load_settings
from shared.deps import Deps
from shared.usecases import realtime
from tests.adapters.backends import emulators, google
from tests.eventually import eventually
from tests.infra.clients import Client, stored_instance, token_for


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """That of the process; what the program changes in it is put back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    root = logging.getLogger()
    log_handlers, level = root.handlers[:], root.level
    variables = {"JWT_SECRET": "a-secret-of-thirty-two-characters", "PORT": "0", "BACKEND": "google"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    yield variables
    root.handlers[:] = log_handlers
    root.setLevel(level)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def deps(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Deps]:
    """Of another process of the same project, which has not been used before."""
    missing = emulators.missing()
    if missing and emulators.environment("REQUIRE_EMULATORS") == "1":
        pytest.fail(f"REQUIRE_EMULATORS=1, but {missing}")
    if missing:
        pytest.skip(missing)
    variables = {
        "GOOGLE_CLOUD_PROJECT": google.project(),
        "FIRESTORE_EMULATOR_HOST": emulators.firestore(),
        "PUBSUB_EMULATOR_HOST": emulators.pubsub(),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    deps = bootstrap(load_settings(environment | variables))
    pubsub = _pubsub(deps)
    ensure_topics(pubsub)
    pubsub.close()
    yield deps
    close(deps)


def _pubsub(deps: Deps) -> PubSub:
    return PubSub(deps.settings.google_cloud_project or "", emulator_host=deps.settings.pubsub_emulator_host)


def _feeds(deps: Deps) -> list[str]:
    pubsub = _pubsub(deps)
    subscriptions = pubsub.subscriber.list_subscriptions(request={"project": f"projects/{pubsub.project}"})
    names = [each.name for each in subscriptions if "-feed-" in each.name]
    pubsub.close()
    return names


def _is_served_and_ended(deps: Deps, capsys: pytest.CaptureFixture[str]) -> None:
    """All that goes on while the program runs; it is ended as Cloud Run does it."""
    output = ""

    def address() -> str:
        nonlocal output
        output += capsys.readouterr().out
        return output.partition("listening on ")[2].partition("\n")[0]

    url = eventually(address, timeout=60)
    try:
        assert len(_feeds(deps)) == 1
        assert requests.get(f"{url}/health/ready", timeout=10).status_code == 200
        with closing(Client("websocket")) as client:
            client.connect(url, auth={"token": token_for(deps, "t1")})
            client.enter("i1")
            realtime.emit(deps, "t1", "i1", realtime.WHATSAPP_CONNECTED, {})
            assert client.next()[0] == realtime.WHATSAPP_CONNECTED
    finally:
        os.kill(os.getpid(), signal.SIGTERM)


def test_it_tells_its_clients_and_leaves_nothing_behind(deps: Deps, capsys: pytest.CaptureFixture[str]) -> None:
    stored_instance(deps)
    with ThreadPoolExecutor(1) as pool:
        outside = pool.submit(_is_served_and_ended, deps, capsys)
        assert main() == 0
        outside.result()
    assert _feeds(deps) == []


def test_it_wants_the_cloud(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BACKEND", "embedded")
    assert main() == 2
    assert capsys.readouterr().err.startswith("the sockets cannot start: BACKEND: must be google")
