"""Tests that failed run once more, alone (`tests/repetition.py`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FAILS_ONCE = """
def test_fails_once(pytestconfig):
    mark = pytestconfig.rootpath / "has failed"
    is_first = not mark.exists()
    mark.touch()
    assert not is_first

"""
FAILS = "def test_fails_{}(): assert not 'again'\n"


def _run(directory: Path, tests: str, *options: str) -> tuple[int, list[str]]:
    """The exit status of a run of these tests and the lines that it printed."""
    (directory / "test_some.py").write_text(tests, "utf-8")
    (directory / "pytest.ini").write_text("[pytest]\n", "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.repetition", *options]
    environment = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    return run.returncode, run.stdout.splitlines()


def test_a_test_that_passes_alone_fails_no_run_and_is_named(tmp_path: Path) -> None:
    status, lines = _run(tmp_path, FAILS_ONCE + "def test_passes(): pass", "-p", "xdist", "-n", "1")
    assert status == 0, lines
    assert "failed once, passed alone: test_some.py::test_fails_once" in lines
    assert "1 failed, 1 passed" in lines[-1]


def test_a_test_that_fails_again_fails_the_run_whatever_passes_beside_it(tmp_path: Path) -> None:
    status, lines = _run(tmp_path, FAILS_ONCE + FAILS.format(1))
    assert status == 1, lines
    assert "once more, alone:" in lines
    assert not any(line.startswith("failed once") for line in lines)


def test_more_than_five_do_not_run_again(tmp_path: Path) -> None:
    status, lines = _run(tmp_path, FAILS_ONCE + "".join(FAILS.format(number) for number in range(5)))
    assert status == 1, lines
    assert "once more, alone:" not in lines


def test_a_run_that_stopped_before_its_end_is_not_whole_by_a_repetition(tmp_path: Path) -> None:
    assert _run(tmp_path, FAILS_ONCE + "def test_passes(): pass", "-x")[0] == 1
