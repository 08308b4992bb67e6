"""Which lines of the project each test runs, and how long it takes; kept until the tree changes."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

PYTEST = ("-q", "-W", "ignore::pytest.PytestAssertRewriteWarning", "-m", "not slow")
"""Without the tests that start processes: coverage does not see what these run, and each takes seconds."""

_SOURCES = ("shared", "functions", "infra")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A test that passed: its seconds, and the lines that it ran by file."""

    test: str
    seconds: float
    lines: dict[str, frozenset[int]]


@dataclass(eq=False)
class Recorder:
    """A plugin of pytest."""

    coverage: Any
    seconds: dict[str, float] = field(default_factory=dict)
    not_passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if not on_processes(item)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self.coverage.switch_context(item.nodeid)
        started = time.perf_counter()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.perf_counter() - started
            self.coverage.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.not_passed.add(report.nodeid)
        if report.failed:
            self.failed.add(report.nodeid)

    def send(self, connection: Connection) -> None:
        """End the measuring; sends the records, and the names of the tests that failed."""
        self.coverage.stop()
        connection.send((list(self.records(Path.cwd())), sorted(self.failed)))

    def records(self, root: Path) -> Iterator[dict[str, Any]]:
        data = self.coverage.get_data()
        lines: dict[str, dict[str, list[int]]] = {test: {} for test in self.seconds}
        for path in data.measured_files():
            for line, tests in data.contexts_by_lineno(path).items():
                for test in filter(None, tests):
                    lines[test].setdefault(str(Path(path).relative_to(root)), []).append(line)
        for test, seconds in self.seconds.items():
            if test not in self.not_passed:
                yield {"test": test, "seconds": round(seconds, 3), "lines": lines[test]}


def on_processes(item: pytest.Item) -> bool:
    """Whether the test asks functions that run as processes of their own (`tests/google/deployment.py`)."""
    callspec = getattr(item, "callspec", None)
    return callspec is not None and callspec.params.get("deployment") == "google"


def started() -> Any:
    """The measuring of the lines that this process runs from now on."""
    from coverage import Coverage  # noqa: PLC0415  the tool itself does without

    coverage = Coverage(data_file=None, config_file=False, source=[str(Path.cwd() / name) for name in _SOURCES])
    coverage.set_option("run:disable_warnings", ["already-imported"])
    coverage.start()
    return coverage


class Records:
    """The records of a tree's test files, in files named by the hash of all that they depend on."""

    def __init__(self, root: Path, directory: Path) -> None:
        self._root = root
        self._directory = directory
        self._common = _hash(path for path in _python_files(root) if not _is_test(path))

    def path(self, test_file: Path) -> Path:
        return self._directory / f"{_hash([self._root / test_file], f'{test_file} {self._common}')}.json.gz"

    def missing(self, test_files: Iterable[Path]) -> list[Path]:
        return [test_file for test_file in test_files if not self.path(test_file).exists()]

    def write(self, test_file: Path, records: Sequence[dict[str, Any]]) -> None:
        """Write a file completely or not at all."""
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self.path(test_file)
        partial = path.with_suffix(".partial")
        partial.write_bytes(gzip.compress(json.dumps(records).encode()))
        partial.rename(path)

    def read(self, test_files: Iterable[Path]) -> Iterator[Recorded]:
        for test_file in test_files:
            for each in json.loads(gzip.decompress(self.path(test_file).read_bytes())):
                lines = {path: frozenset(lines) for path, lines in each["lines"].items()}
                yield Recorded(each["test"], each["seconds"], lines)

    def prune(self, test_files: Iterable[Path]) -> None:
        """Delete what belongs to other trees."""
        current = {self.path(test_file) for test_file in test_files}
        for path in self._directory.glob("*"):
            if path not in current:
                path.unlink()


def _python_files(root: Path) -> list[Path]:
    """The files without those of this package, whose edits change no record."""
    paths = (path for top in (*_SOURCES, "tests") for path in sorted((root / top).rglob("*.py")))
    return [path for path in paths if not path.is_relative_to(root / "tests/mutants")]


def test_files(root: Path) -> list[Path]:
    return [path.relative_to(root) for path in _python_files(root) if _is_test(path)]


def _is_test(path: Path) -> bool:
    return path.name.startswith("test_")


def _hash(paths: Iterable[Path], start: str = "") -> str:
    digest = hashlib.sha256(start.encode())
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
