"""What `BACKEND=google` talks to on one machine: emulators of Firestore and Pub/Sub, a Secret Manager in memory.

    python -m infra.local.emulators

Prints the variables that lead to them, and runs until SIGINT or SIGTERM. All they hold ends with them. Needs
`gcloud` with its emulators, and Java. Google has no emulator for Secret Manager.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from infra.local import secret_manager

START_SECONDS: Final = 90.0
"""For a JVM on a busy machine."""

PROJECT: Final = "demo-hub"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal comes; returns the process's exit status."""
    ports = _parser().parse_args(arguments)
    if reason := missing():
        sys.stderr.write(f"{reason}\n")
        return 2
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        with running(ports.firestore, ports.pubsub) as variables:
            sys.stdout.write("".join(f"export {name}={value}\n" for name, value in variables.items()))
            sys.stdout.flush()
            stopped.wait()
    except (OSError, RuntimeError) as error:
        sys.stderr.write(f"the emulators cannot start: {error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.local.emulators", description=__doc__)
    parser.add_argument("--firestore", type=int, default=8086, metavar="PORT", help="0 takes a free one")
    parser.add_argument("--pubsub", type=int, default=8085, metavar="PORT", help="0 takes a free one")
    return parser


def missing() -> str | None:
    """Why they cannot run on this machine, or None."""
    absent = [program for program in ("gcloud", "java") if shutil.which(program) is None]
    return f"the emulators need {' and '.join(absent)}" if absent else None


@contextmanager
def running(firestore_port: int = 0, pubsub_port: int = 0) -> Iterator[dict[str, str]]:
    """Run them, on free ports for 0, and give the variables that lead to them.

    Raises `OSError` when a port is taken, `RuntimeError` when an emulator does not start.
    """
    firestore, pubsub = (f"127.0.0.1:{_free(port)}" for port in (firestore_port, pubsub_port))
    with ExitStack() as stack:
        directory = stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True))
        options = [f"--host-port={pubsub}", f"--project={PROJECT}", f"--data-dir={directory}"]
        commands = [
            ["gcloud", "emulators", "firestore", "start", f"--host-port={firestore}"],
            ["gcloud", "beta", "emulators", "pubsub", "start", *options],
        ]
        started = [stack.enter_context(_emulator(command, Path(directory))) for command in commands]
        for process, address in zip(started, (firestore, pubsub), strict=True):
            _wait_for(process, address, Path(directory))
        secrets = stack.enter_context(secret_manager.serving())
        yield {
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "FIRESTORE_EMULATOR_HOST": firestore,
            "PUBSUB_EMULATOR_HOST": pubsub,
            "SECRET_MANAGER_EMULATOR_HOST": secrets.address,
        }


def _free(port: int) -> int:
    """The port, or a free one for 0; raises `OSError` when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise OSError(f"port {port} is taken; name another with --firestore or --pubsub") from error
        return int(probe.getsockname()[1])


@contextmanager
def _emulator(command: Sequence[str], directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run one, in a session of its own: `gcloud` is a shell that starts Python that starts a JVM."""
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - the commands are those above
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """gcloud puts the JVM into a group of its own, and does not pass a signal on."""
    groups = {os.getpgid(member) for member in _session(process.pid)}
    for group in groups:
        os.killpg(group, signal.SIGKILL)
    process.wait()


def _session(leader: int) -> list[int]:
    """The processes of the session that `leader` began."""
    listed = subprocess.run(  # noqa: S603 - nothing of it is input
        ["ps", "-o", "pid=", "-s", str(leader)],  # noqa: S607 - found by PATH as gcloud is
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(pid) for pid in listed.stdout.split()]


def _wait_for(process: subprocess.Popen[bytes], address: str, directory: Path) -> None:
    host, _, port = address.partition(":")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError((directory / "log").read_text("utf-8", "replace")[-2000:])


if __name__ == "__main__":
    sys.exit(main())
