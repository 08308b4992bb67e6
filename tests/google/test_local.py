"""Google's parts on one machine: `make emulators`, and the local runner over them."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import secret_manager
from shared.config import load_settings
from tests.adapters.backends import emulators
from tests.adapters.backends.google import project
from tests.crash.driver import PATIENCE
from tests.crash.ledger import Ledger, settled, stored_once
from tests.crash.process import HubProcess
from tests.crash.sender import Sender, telegram_calls
from tests.eventually import eventually
from tests.forks.fork import ROOT
from tests.google.deployment import require_emulators
from tests.stubs import Stub

pytestmark = pytest.mark.slow


@pytest.fixture
def variables() -> Iterator[dict[str, str]]:
    """What `make emulators` prints, but for emulators that other tests use too."""
    require_emulators()
    with secret_manager.serving() as vault:
        yield {
            "BACKEND": "google",
            "GOOGLE_CLOUD_PROJECT": project(),
            "FIRESTORE_EMULATOR_HOST": emulators.firestore(),
            "PUBSUB_EMULATOR_HOST": emulators.pubsub(),
            "SECRET_MANAGER_EMULATOR_HOST": vault.address,
        }


def test_the_local_runner_makes_its_topics_and_serves_over_a_restart(
    tmp_path: Path, provider: Stub, variables: dict[str, str]
) -> None:
    ledger = Ledger(provider)
    hub = HubProcess(tmp_path, TELEGRAM_API_URL=provider.url, JWT_SECRET="s" * 32, **variables)
    hub.settings = load_settings(variables)
    try:
        hub.start()
        hub.register()
        path = hub.echo_on_telegram()
        texts = {"m1.0", "m2.0"}
        for [call] in telegram_calls(path, range(1, 3)):
            Sender(hub, seed=0).send(call)
            assert hub.terminate() == 0
            hub.start()
        settled(hub, len(texts))
        stored_once(hub, texts)
        assert set(ledger.texts()) == texts
    finally:
        hub.kill()


def test_the_emulators_run_until_they_are_interrupted_and_leave_nobody_behind() -> None:
    require_emulators()
    command = [sys.executable, "-m", "infra.local.emulators", "--firestore=0", "--pubsub=0"]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert run.stdout is not None
        printed = dict(run.stdout.readline().strip().removeprefix("export ").split("=") for _ in range(4))
        assert printed.pop("GOOGLE_CLOUD_PROJECT")
        assert set(printed) == {"FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "SECRET_MANAGER_EMULATOR_HOST"}
        assert all(_listens(address) for address in printed.values())
        run.send_signal(signal.SIGINT)
        assert run.wait(PATIENCE) == 0
        # Another test may have got the port of one that has ended, for a moment.
        eventually(lambda: not any(_listens(address) for address in printed.values()))
    finally:
        run.terminate()
        run.communicate()


def _listens(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True
