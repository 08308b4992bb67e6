"""The list of mutations that no test can notice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from tests.mutants import equivalents, signatures
from tests.mutants.equivalents import Equivalent
from tests.mutants.mutations import changed_lines, difference, mutations


def test_each_is_still_a_mutation_of_the_code() -> None:
    listed = equivalents.read(equivalents.FILE.read_text("utf-8"))
    assert all(listed.values()), "give the reason"
    project = signatures.read((each.stem, each.read_text("utf-8")) for each in Path("shared").rglob("*.py"))
    scopes: dict[str, set[str]] = defaultdict(set)
    for each in listed:
        scopes[each.path].add(each.scope)
    possible = {
        mutant for path, names in scopes.items() for mutant in _of(path, Path(path).read_text("utf-8"), project, names)
    }
    assert set(listed) - possible == set(), "the code has changed: delete these"


def test_one_stays_the_same_where_its_lines_move() -> None:
    before = "def function(x):\n    y = max(x, 1)\n    return y\n"
    after = "# A comment.\n\n" + before
    first, moved = (_of("module.py", source, signatures.read([]), {"function"}) for source in (before, after))
    assert first == moved
    assert ("- y = max(x, 1)", "+ y = min(x, 1)") in [each.lines for each in first]


def _of(path: str, source: str, project: signatures.Project, scopes: Collection[str]) -> list[Equivalent]:
    of_scopes = (each for each in mutations(path, source, project) if each.place.scope in scopes)
    mutants = [(each, mutant) for each in of_scopes if (mutant := each.mutant(source))]
    return [
        Equivalent(path, each.place.scope, changed_lines(difference(path, source, mutant))) for each, mutant in mutants
    ]
