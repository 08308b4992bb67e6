"""Runs tests that failed once more, alone, so that a slow moment of the machine fails no run.

    python -m pytest -p tests.repetition …

At most five: where more fail, something is wrong. A test that fails again fails the run. What a test printed when it
failed stays in the output also where it passed alone; its name comes at the end.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

MOST = 5


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the controller of a parallel run hears of every test
        config.pluginmanager.register(Repetition())


class Repetition:
    def __init__(self) -> None:
        self._failed: dict[str, None] = {}
        self._passed_alone = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed[report.nodeid] = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """The status is another one where something but a test failed: a module, or pytest itself."""
        whole = not (session.shouldfail or session.shouldstop)
        if exitstatus != pytest.ExitCode.TESTS_FAILED or not whole or not 0 < len(self._failed) <= MOST:
            return
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", *self._failed]
        alone = subprocess.run(command, cwd=session.config.rootpath, capture_output=True, text=True, check=False)
        self._passed_alone = alone.returncode == pytest.ExitCode.OK
        if self._passed_alone:
            session.exitstatus = pytest.ExitCode.OK
        else:
            _reporter(session.config).write(f"\nonce more, alone:\n{alone.stdout}{alone.stderr}")

    def pytest_terminal_summary(self, config: pytest.Config) -> None:
        for name in self._failed if self._passed_alone else ():
            _reporter(config).write_line(f"failed once, passed alone: {name}", yellow=True)


def _reporter(config: pytest.Config) -> pytest.TerminalReporter:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    assert isinstance(reporter, pytest.TerminalReporter)
    return reporter
