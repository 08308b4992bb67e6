"""A small project, recorded, mutated and judged in processes of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.mutants import forks
from tests.mutants.collected import Processes
from tests.mutants.copies import standing_in_a_copy
from tests.mutants.recording import Recorded, Records
from tests.mutants.trials import Result, Verdict, judge

pytestmark = pytest.mark.slow

PATH = "shared/counting.py"
SOURCE = """\
def count(limit):
    number = 0
    while number < limit:
        number += 1
    return number


def twice(number, by=2):
    return number * by


SIX = twice(3, 2)
"""
TESTS = """\
import threading

from shared.counting import SIX, count, twice


def test_counting_on_a_thread():
    numbers = []
    thread = threading.Thread(target=lambda: numbers.append(count(3)))
    thread.start()
    thread.join()
    assert numbers == [3]


def test_twice():
    assert twice(0) == 0


def test_six():
    assert SIX == 6


def test_that_fails():
    assert count(1) == 2
"""
TEST_FILE = Path("tests/test_counting.py")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """The working directory of the test."""
    files = {
        PATH: SOURCE,
        "shared/__init__.py": "",
        str(TEST_FILE): TESTS,
        "pyproject.toml": '[tool.pytest]\npythonpath = ["."]\nmarkers = ["slow: is slow"]\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    forks.start("tests.mutants.plugins")
    with contextlib.chdir(tmp_path):
        yield tmp_path


@pytest.fixture
def processes(project: Path) -> Processes:
    return Processes([TEST_FILE], 1)


@pytest.fixture
def records(project: Path, processes: Processes) -> list[Recorded]:
    store = Records(project, project / "records")
    assert store.missing([TEST_FILE]) == [TEST_FILE]
    for passed, failed in processes.record(TEST_FILE, seconds=60):
        store.write(TEST_FILE, passed)
        assert failed == ["tests/test_counting.py::test_that_fails"]
    assert store.missing([TEST_FILE]) == []
    return list(store.read([TEST_FILE]))


@pytest.fixture
def judged(records: list[Recorded], processes: Processes) -> Callable[..., Result]:
    """What becomes of the project with another text for one that it has."""

    def judge_replaced(old: str, new: str, seconds: float = 60.0) -> Result:
        assert old in SOURCE
        return judge(PATH, SOURCE.replace(old, new), records, seconds, patience=1.0, messages=processes.run)

    return judge_replaced


def test_a_record_tells_the_lines_that_a_test_runs_also_on_its_threads(records: list[Recorded]) -> None:
    lines = {each.test.partition("::")[2]: each.lines.get(PATH, frozenset()) & set(range(2, 10)) for each in records}
    assert lines == {"test_counting_on_a_thread": {2, 3, 4, 5}, "test_twice": {9}, "test_six": set()}


def test_a_mutant_dies_of_the_first_test_that_fails(judged: Callable[..., Result]) -> None:
    result = judged("number < limit", "number <= limit")
    assert result.verdict is Verdict.KILLED
    assert result.by == "tests/test_counting.py::test_counting_on_a_thread"
    assert Path(PATH).read_text() == SOURCE


def test_one_that_no_test_notices_survives_all_of_them(judged: Callable[..., Result]) -> None:
    assert judged("by=2", "by=3") == Result(Verdict.SURVIVED, ran=3, chosen=3)


def test_one_that_makes_a_test_hang_is_noticed(judged: Callable[..., Result]) -> None:
    assert judged("number += 1", "pass").verdict is Verdict.HUNG


def test_one_that_nobody_would_write_counts_as_none(judged: Callable[..., Result]) -> None:
    assert judged("by=2", "by").verdict is Verdict.UNUSABLE
    assert judged("by=2", "by=unknown").verdict is Verdict.UNUSABLE


def test_one_that_changes_what_the_imports_make_is_imported(judged: Callable[..., Result]) -> None:
    assert judged("number * by", "number * abs(by - 4)").verdict is Verdict.SURVIVED
    result = judged("number * by", "number * number")
    assert (result.verdict, result.by) == (Verdict.KILLED, "tests/test_counting.py::test_six")


def test_one_whose_time_runs_out_is_unfinished(judged: Callable[..., Result]) -> None:
    assert judged("by=2", "by=3", seconds=0.0) == Result(Verdict.UNFINISHED, ran=0, chosen=3)


def test_a_change_of_the_code_or_of_the_test_file_asks_for_a_new_record(records: list[Recorded], project: Path) -> None:
    def missing() -> list[Path]:
        return Records(project, project / "records").missing([TEST_FILE])

    assert missing() == []
    TEST_FILE.write_text(TESTS + "\n")
    assert missing() == [TEST_FILE]
    TEST_FILE.write_text(TESTS)
    Path(PATH).write_text(SOURCE + "\n")
    assert missing() == [TEST_FILE]


def test_a_copy_is_gone_in_the_end_and_so_are_those_of_dead_processes(tmp_path: Path) -> None:
    before = Path.cwd()
    dead = (
        tmp_path / "4194305"
    )  # above the highest possible process id, https://man7.org/linux/man-pages/man5/proc.5.html
    dead.mkdir()
    with standing_in_a_copy(before, tmp_path) as copy:
        assert not dead.exists()
        assert copy == Path.cwd() == tmp_path / str(os.getpid())
        assert (copy / "pyproject.toml").read_text() == (before / "pyproject.toml").read_text()
    assert Path.cwd() == before
    assert list(tmp_path.iterdir()) == []
