"""The hub as it is deployed on Google Cloud: each function a process of its own, on the emulators."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import requests

from infra.deployables import load
from infra.local import secret_manager
from shared.bootstrap import bootstrap, close
from shared.config import load_settings
from shared.deps import Deps
from shared.ports.store import Merge, Ref, Where
from tests.adapters.backends import emulators
from tests.crash.driver import PATIENCE, Driver
from tests.google.front import front
from tests.google.topics import make_topics
from tests.split.processes import FunctionProcess

PIPELINE = ("deliver", "normalize", "reply", "webhooks")
"""In the order in which `kill` takes them."""

OTHERS = ("announce", "omnichat", "omnihub", "tick")
TICK_SECONDS = 1.0


class SplitHub(Driver):
    """Functions behind a front, in a project of their own; `variables` are settings of all of them.

    `kill` takes one process of the pipeline after the other, `terminate` ends them all, and `start` starts what is
    missing. The schedule ticks every second.
    """

    many = 60  # the Pub/Sub emulator pushes two messages of a subscription at a time

    def __init__(self, directory: Path, vault: str, variables: Mapping[str, str], others: Sequence[str]) -> None:
        self._variables = {
            "BACKEND": "google",
            "GOOGLE_CLOUD_PROJECT": f"test-{secrets.token_hex(6)}",
            "FIRESTORE_EMULATOR_HOST": emulators.firestore(),
            "PUBSUB_EMULATOR_HOST": emulators.pubsub(),
            "SECRET_MANAGER_EMULATOR_HOST": vault,
            "JWT_SECRET": secrets.token_hex(32),
            "LOG_LEVEL": "WARNING",
            "RETRY_MIN_SECONDS": "0.05",
            "RETRY_MAX_SECONDS": "0.4",
            "REPLY_DEBOUNCE_SECONDS": "0",
            **variables,
        }
        super().__init__(load_settings(self._variables))
        self.functions = {
            name: FunctionProcess(name, self._variables, directory / f"{name}.log") for name in (*PIPELINE, *others)
        }
        self.project = self._variables["GOOGLE_CLOUD_PROJECT"]
        self._ended: list[FunctionProcess] = list(self.functions.values())
        self._turn = 0
        self.deps = bootstrap(self.settings)

    @property
    def log(self) -> str:
        return "".join(each.log.read_text() for each in self.functions.values() if each.log.exists())

    def start(self) -> None:
        if self.functions["deliver"] in self._ended:
            self._let_leases_run_out()
        for each in self._ended:
            each.launch()
        for each in self._ended:
            each.wait_until_it_answers()
        self._ended = []

    def kill(self) -> None:
        name = PIPELINE[self._turn % len(PIPELINE)]
        self._turn += 1
        self.functions[name].kill()
        self._ended.append(self.functions[name])

    def terminate(self) -> int:
        pipeline = [self.functions[name] for name in PIPELINE]
        for each in pipeline:
            each.ask_to_end()
        self._ended = pipeline
        return max(each.terminate() for each in pipeline)

    @contextmanager
    def opened(self) -> Iterator[Deps]:
        yield self.deps

    def _let_leases_run_out(self) -> None:
        """End the leases of all items, as two minutes of waiting would: no process sends any more."""
        sending = self.deps.store.find("outbox", [Where("status", "==", "SENDING")], limit=1000).documents
        past = self.deps.now() - timedelta(seconds=1)
        for document in sending:
            self.deps.store.commit([Merge(Ref("outbox", document.ref.id), {"due_at": past})])

    def forget(self) -> None:
        """Empty the store, for the next test."""
        base = f"http://{self.settings.firestore_emulator_host}/emulator/v1/projects/{self.project}"
        answer = requests.delete(f"{base}/databases/(default)/documents", timeout=PATIENCE)
        assert answer.ok, answer.text


@contextmanager
def split_hub(directory: Path, others: Sequence[str] = OTHERS, **variables: str) -> Iterator[SplitHub]:
    """Run one, with these functions beside the pipeline; it is killed at the end."""
    table = load()
    with ExitStack() as stack:
        hub = SplitHub(directory, stack.enter_context(secret_manager.serving()).address, variables, others)
        stack.callback(close, hub.deps)
        addresses = {name: each.url for name, each in hub.functions.items()}
        for each in hub.functions.values():
            stack.callback(each.kill)
        hub.start()
        make_topics(table, hub.project, emulators.pubsub(), addresses)
        hub.url = stack.enter_context(front(table, addresses))
        stack.enter_context(_ticking(addresses["tick"]))
        yield hub


@contextmanager
def _ticking(address: str) -> Iterator[None]:
    """Cloud Scheduler, but every second."""
    stopped = threading.Event()

    def tick() -> None:
        while not stopped.wait(TICK_SECONDS):
            with suppress(requests.RequestException):
                requests.post(address, timeout=PATIENCE)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(PATIENCE)
