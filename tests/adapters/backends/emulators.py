"""Google's Firestore and Pub/Sub emulators, started when first needed and shared by the workers of one test run.

Every user holds a shared lock on a file. Beside each emulator waits a watcher
for the exclusive lock; it gets it when the last user is gone, however that one
ended, and takes the emulator's whole process group with it (`gcloud` is a shell
that starts Python that starts a JVM; ending the first leaves the last).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import grpc

_START_TIMEOUT = 90.0  # seconds; a JVM on a busy machine with two cores
_ROOT = Path(__file__).parents[3]
# They live for minutes: what a JVM compiles for those to come would take more time than it saves.
_JVM = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


def environment(name: str) -> str | None:
    """A switch of the test run itself, which is none of the hub's settings."""
    return os.environ.get(name) or None  # noqa: TID251  see the docstring


def missing() -> str | None:
    """Why no emulator can run here, or None."""
    if environment("FIRESTORE_EMULATOR_HOST") and environment("PUBSUB_EMULATOR_HOST"):
        return None
    absent = [program for program in ("gcloud", "java") if shutil.which(program) is None]
    return f"the emulators need {' and '.join(absent)}" if absent else None


@cache
def firestore() -> str:
    """`host:port` of the Firestore emulator."""
    address = environment("FIRESTORE_EMULATOR_HOST")
    return address or _shared("firestore", ["gcloud", "emulators", "firestore", "start", "--host-port={address}"])


@cache
def pubsub() -> str:
    """`host:port` of the Pub/Sub emulator."""
    options = ["--host-port={address}", "--project=test", "--data-dir={directory}"]
    address = environment("PUBSUB_EMULATOR_HOST")
    return address or _shared("pubsub", ["gcloud", "beta", "emulators", "pubsub", "start", *options])


def _shared(name: str, command: Sequence[str]) -> str:
    """Start an emulator, unless another worker of this run has, and keep it until this process ends."""
    directory = Path(tempfile.gettempdir()) / f"emulator-{name}-{_run()}"
    with _locked(directory.with_suffix(".lock")):
        directory.mkdir(mode=0o700, exist_ok=True)
        # Left open until the process ends; the watcher sees that.
        fcntl.flock(os.open(directory / "in_use", os.O_RDONLY | os.O_CREAT, 0o600), fcntl.LOCK_SH)
        address = directory / "address"
        if not address.exists():
            address.write_text(_start(directory, command))
        return address.read_text()


def _run() -> str:
    return environment("PYTEST_XDIST_TESTRUNUID") or f"process-{os.getpid()}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start(directory: Path, command: Sequence[str]) -> str:
    address = f"127.0.0.1:{_free_port()}"
    arguments = [word.format(address=address, directory=directory) for word in command]
    with (directory / "log").open("w") as log:
        watcher = [sys.executable, "-m", __name__, str(directory), *arguments]
        variables = {**os.environ, **_JVM}  # noqa: TID251  see the docstring
        subprocess.run(watcher, cwd=_ROOT, env=variables, stdout=log, stderr=log, start_new_session=True, check=True)
    with grpc.insecure_channel(address) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=_START_TIMEOUT)
        except grpc.FutureTimeoutError as error:
            raise RuntimeError(f"{arguments[0]} did not start:\n{(directory / 'log').read_text()}") from error
    return address


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def watch(directory: Path, command: Sequence[str]) -> None:
    """Run an emulator, as a process that is nobody's child, until nobody uses it any more."""
    if os.fork():
        return
    with (directory / "in_use").open("r") as in_use, subprocess.Popen(command, stdin=subprocess.DEVNULL) as emulator:
        fcntl.flock(in_use, fcntl.LOCK_EX)
        shutil.rmtree(directory, ignore_errors=True)
        directory.with_suffix(".lock").unlink(missing_ok=True)
        # gcloud puts itself and the JVM into a group of their own, and does not pass SIGTERM on.
        if emulator.poll() is None:
            os.killpg(os.getpgid(emulator.pid), signal.SIGKILL)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), sys.argv[2:])
