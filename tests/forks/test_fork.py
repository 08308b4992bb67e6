"""A fork is as a process that was started: it has its own environment, directory, files and end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.forks.fork import Fork

pytestmark = pytest.mark.slow


def tell() -> int:
    """A program that tells who it is, and ends with a status."""
    names = sorted(os.environ)  # noqa: TID251  what the test is about
    sys.stdout.write(f"{sys.argv[1:]} {names} {Path.cwd().name} {os.getsid(0) == os.getpid()}\n")
    sys.stderr.write("complaint\n")
    return 3


def fail() -> int:
    raise ValueError("on purpose")


def sleep() -> int:
    time.sleep(60)
    return 0


def fork(directory: Path, program: str, *arguments: str, **environment: str) -> Fork:
    with (directory / "out").open("wb") as stdout, (directory / "err").open("wb") as stderr:
        return Fork(
            f"tests.forks.test_fork:{program}",
            *arguments,
            directory=directory,
            environment=environment,
            stdout=stdout,
            stderr=stderr,
        )


def test_a_program_has_what_it_was_started_with_and_nothing_else(tmp_path: Path) -> None:
    assert fork(tmp_path, "tell", "one", "two", NAME="value").wait(60) == 3
    assert (tmp_path / "out").read_text() == f"['one', 'two'] ['NAME'] {tmp_path.name} True\n"
    assert (tmp_path / "err").read_text() == "complaint\n"


def test_one_that_fails_says_why_and_ends_with_status_1(tmp_path: Path) -> None:
    assert fork(tmp_path, "fail").wait(60) == 1
    assert "ValueError: on purpose" in (tmp_path / "err").read_text()


def test_one_that_is_killed_is_gone_and_the_others_run_on(tmp_path: Path) -> None:
    killed, other = fork(tmp_path, "sleep"), fork(tmp_path, "sleep")
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(60) == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(killed.pid, 0)
    with pytest.raises(subprocess.TimeoutExpired):
        other.wait(0.01)
    assert other.poll() is None
    other.send_signal(signal.SIGTERM)
    assert other.wait(60) == -signal.SIGTERM
    other.send_signal(signal.SIGTERM)
