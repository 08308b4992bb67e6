"""One mutant, and the tests that have to notice it."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeAlias

import pytest

from tests.mutants import forks
from tests.mutants.recording import PYTEST, Recorded

_FIRST = 40
"""Most mutants die of one of so few tests; only for the others are all test files collected."""

PATIENCE = 30.0
"""Seconds that each test gets at least; a test that takes ten times as long as it did hangs."""


class Verdict(Enum):
    KILLED = "killed"
    HUNG = "hung"
    SURVIVED = "survived"
    UNFINISHED = "unfinished"
    UNUSABLE = "unusable"
    """It cannot be imported, or a call lacks what it must have: nobody would write that."""
    BROKEN = "broken"
    """The tests ended before their time, and none failed."""

    @property
    def is_noticed(self) -> bool:
        return self in (Verdict.KILLED, Verdict.HUNG)

    @property
    def counts(self) -> bool:
        return self not in (Verdict.UNUSABLE, Verdict.BROKEN)


@dataclass(frozen=True, slots=True)
class Result:
    """`ran` tests of `chosen`; `by` is the one that failed, `why` its error in a line."""

    verdict: Verdict
    ran: int
    chosen: int
    by: str = ""
    why: str = ""


Messages: TypeAlias = Callable[[str, str, Mapping[str, float], float], Iterator[tuple[str, str] | None]]
"""Runs tests, within their limits, with the mutant of a path, for so many seconds at most.

Gives None for each test that passes, and name and error of the first that fails. Raises `forks.OutOfTime`.
"""


def imported(path: str, mutant: str, limits: Mapping[str, float], seconds: float) -> Iterator[tuple[str, str] | None]:
    """Run the tests in a process that imports the project anew, with the mutant."""
    return forks.messages(_attempt, path, mutant, limits, seconds=seconds)


def judge(
    path: str,
    mutant: str,
    tests: Sequence[Recorded],
    seconds: float,
    patience: float = PATIENCE,
    messages: Messages = imported,
) -> Result:
    """Run tests until one fails; unfinished when the time is over before."""
    ran, deadline = 0, time.monotonic() + seconds
    for batch in filter(None, (tests[:_FIRST], tests[_FIRST:])):
        limits = {each.test: max(patience, 10 * each.seconds) for each in batch}
        try:
            for failure in messages(path, mutant, limits, deadline - time.monotonic()):
                ran += 1
                if failure is not None:
                    by, why = failure
                    return Result(_verdict(by, why), ran, len(tests), by, why)
        except forks.OutOfTime:
            return Result(Verdict.UNFINISHED, ran, len(tests))
    if ran < len(tests):
        return Result(Verdict.BROKEN, ran, len(tests))
    return Result(Verdict.SURVIVED, ran, len(tests))


def _verdict(by: str, why: str) -> Verdict:
    if "pytest-timeout" in why:
        return Verdict.HUNG
    lacks = why.startswith("TypeError") and ("missing" in why or "positional argument" in why)
    return Verdict.UNUSABLE if lacks or "Field required" in why or "::" not in by else Verdict.KILLED


def _attempt(connection: Connection, path: str, mutant: str, limits: Mapping[str, float]) -> None:
    """Sends None for each test that passes, and name and error of the first that fails or cannot be imported."""
    finder = Finder(path, mutant)
    assert finder.module not in sys.modules
    sys.meta_path.insert(0, finder)
    files = dict.fromkeys(test.partition("::")[0] for test in limits)
    if pytest.main([*PYTEST, "-x", *files], plugins=[Trial(connection, limits)]) == pytest.ExitCode.USAGE_ERROR:
        connection.send(("conftest.py", "cannot be imported"))


@dataclass(eq=False)
class Trial:
    """A plugin of pytest that runs certain tests in their order."""

    connection: Connection
    limits: Mapping[str, float]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        collected = {item.nodeid: item for item in items}
        items[:] = [collected[test] for test in self.limits if test in collected]
        for item in items:
            item.add_marker(pytest.mark.timeout(self.limits[item.nodeid]))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.connection.send((report.nodeid, _last_line(report.longreprtext)))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        report = yield
        if report.failed:
            self.connection.send((report.nodeid, call.excinfo.exconly() if call.excinfo else ""))
        elif report.when == "teardown":
            self.connection.send(None)
        return report


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1].removeprefix("E ").strip() if text.strip() else ""


class Finder(MetaPathFinder):
    """An import hook that gives the mutant instead of its module; no file changes."""

    def __init__(self, path: str, mutant: str) -> None:
        self._path = path
        self.module = ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.module:
            return None
        location = str(Path(self._path).absolute())
        loader = _Loader(fullname, location, self._mutant)
        return importlib.util.spec_from_file_location(fullname, location, loader=loader)


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, mutant: str) -> None:
        super().__init__(fullname, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._mutant, self.path, "exec", dont_inherit=True)
