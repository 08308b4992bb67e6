"""Which tests a mutant has to get past, in which order, and which mutants are drawn."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.mutants import signatures
from tests.mutants.choosing import Choice
from tests.mutants.mutations import Mutation, mutations
from tests.mutants.recording import Recorded
from tests.mutants.sampling import shuffled

PATH = "shared/usecases/counting.py"
SOURCE = """\
LIMIT = made(3)

def count(x):
    if x < LIMIT:
        x.y = 1
    x.z = 2

def made(x):
    x.y = 3

def other(x):
    x.y = 4
"""
RECORDS = [
    Recorded("test_a.py::test_quick", 0.1, {PATH: frozenset({4, 6})}),
    Recorded("test_b.py::test_slow", 3.0, {PATH: frozenset({4, 5, 6})}),
    Recorded("test_b.py::test_cases[1]", 0.2, {PATH: frozenset({4, 6})}),
    Recorded("test_b.py::test_cases[2]", 0.2, {PATH: frozenset({4, 6})}),
    Recorded("test_c.py::test_of_another_module", 0.2, {"shared/other.py": frozenset({4, 5, 6, 9, 12})}),
]
PROJECT = signatures.read([])


def _chosen(line: int) -> list[str]:
    choice = Choice(RECORDS, {PATH: SOURCE})
    mutation = next(each for each in _mutations() if line in each.place.lines)
    return [each.test for each in choice.tests(mutation)]


def _mutations() -> list[Mutation]:
    return mutations(PATH, SOURCE, PROJECT)


def test_one_that_reads_all_declarations_comes_before_those_that_use_one() -> None:
    path, reading = "shared/domain/thing.py", "tests/domain/test_stored_words.py::test_words"
    source = "class Thing:\n    field: int = 3\n\n\ndef made():\n    return Thing(field=4)\n"
    using = Recorded("test_a.py::test_made", 0.1, {path: frozenset({6})})
    choice = Choice([using, Recorded(reading, 0.2, {})], {path: source})
    chosen = {each.place.scope: [test.test for test in choice.tests(each)] for each in mutations(path, source, PROJECT)}
    assert chosen == {"Thing": [reading, using.test], "made": [using.test]}


def test_for_a_table_those_in_files_that_import_it_come_before_those_that_use_it() -> None:
    reading, using = Recorded("test_a.py::test_table", 0.1, {}), RECORDS[1]
    test_sources = {
        "test_a.py": "from shared.usecases.counting import (\n    made,\n    LIMIT,\n)\n",
        "test_c.py": "from shared.other import LIMIT\n",
        "test_d.py": "from shared.usecases.counting import other\n",
    }
    others = [Recorded(f"test_{letter}.py::test_other", 0.1, {}) for letter in "cd"]
    choice = Choice([using, reading, *others], {PATH: SOURCE}, test_sources)
    mutation = next(each for each in _mutations() if 1 in each.place.lines)
    assert [each.test for each in choice.tests(mutation)] == [reading.test, using.test]


def test_those_that_run_the_line_are_chosen() -> None:
    assert _chosen(5) == ["test_b.py::test_slow"]


def test_those_that_run_most_in_a_second_come_first_and_of_a_tests_cases_one() -> None:
    assert _chosen(6) == [
        "test_a.py::test_quick",
        "test_b.py::test_cases[1]",
        "test_b.py::test_slow",
        "test_b.py::test_cases[2]",
    ]


def test_those_that_run_what_few_others_run_come_first() -> None:
    records = [Recorded(f"test_a.py::test_{number}", 0.1, {PATH: frozenset({4, 6, 9})}) for number in range(4)]
    rare = Recorded("test_b.py::test_rare", 0.1, {PATH: frozenset({5, 6})})
    mutation = next(each for each in _mutations() if 6 in each.place.lines)
    assert Choice([*records, rare], {PATH: SOURCE}).tests(mutation)[0].test == rare.test


def test_those_that_run_a_rare_line_of_what_the_line_calls_come_first() -> None:
    checking = "shared/usecases/checking.py"
    check = "def check(x):\n    if x:\n        raise ValueError\n"
    source = "def create(x):\n    y = x\n    check(y)\n    return y\n"
    common = {PATH: frozenset({2, 3, 4}), checking: frozenset({2})}
    records = [Recorded(f"test_a.py::test_{number}", 0.1, common) for number in range(9)]
    refused = Recorded("test_b.py::test_refused", 0.1, {PATH: frozenset({2, 3}), checking: frozenset({2, 3})})
    choice = Choice([*records, refused], {PATH: source, checking: check})
    mutation = next(each for each in mutations(PATH, source, PROJECT) if 3 in each.place.lines)
    assert choice.tests(mutation)[0].test == refused.test


@pytest.mark.parametrize("line", [1, 9])
def test_for_what_runs_at_import_those_that_run_a_line_with_its_name(line: int) -> None:
    records = [*RECORDS, Recorded("test_d.py::test_import", 0.1, {PATH: frozenset({1, 3, 8})})]
    choice = Choice(records, {PATH: SOURCE})
    mutation = next(each for each in _mutations() if line in each.place.lines)
    assert "test_d.py::test_import" in [each.test for each in choice.tests(mutation)]


def test_for_what_only_other_tables_are_made_of_those_that_run_the_module() -> None:
    source = SOURCE + "PARTS = (1, 2)\nWHOLE = frozenset(PARTS)\n"
    mutation = next(each for each in mutations(PATH, source, PROJECT) if "PARTS" in each.place.names)
    chosen = [each.test for each in Choice(RECORDS, {PATH: source}).tests(mutation)]
    assert "test_a.py::test_quick" in chosen
    assert "test_c.py::test_of_another_module" not in chosen


def test_none_is_chosen_for_a_function_that_no_test_calls() -> None:
    assert _chosen(12) == []


def test_each_function_comes_once_before_one_comes_twice() -> None:
    drawn = [each.place.scope for each in islice(shuffled(_mutations(), seed=1), 3)]
    assert sorted(drawn) == ["count", "made", "other"]


def test_the_kinds_that_tell_least_come_last() -> None:
    source = "def count(x):\n    if not x and x < 3:\n        return 1\n    return 2\n"
    drawn = [each.change.kind for each in shuffled(mutations(PATH, source, PROJECT), seed=1)]
    assert set(drawn[-2:]) == {"drop not", "swap and for or"}


def test_a_seed_gives_the_same_sample_and_all_come_in_the_end() -> None:
    first, again, other = (list(shuffled(_mutations(), seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == len(_mutations()) == len(set(first))
