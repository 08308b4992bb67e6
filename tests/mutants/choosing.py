"""Which tests have to notice a mutation: those that run its line, beginning with those that say most in a second."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property

from tests.mutants.mutations import Mutation
from tests.mutants.recording import Recorded
from tests.mutants.signatures import Function

DECLARATIONS = {"shared/domain/": "tests/domain/test_stored_words.py"}
"""Tests that read what all modules of a folder declare, which runs no line of them."""

_SECONDS_AROUND = 0.2
"""What any test costs beside its own time."""

_NEAR = 10
"""How much more a line counts that is in the changed function, or in one that the changed line calls."""

_MOST_NAMESAKES = 5
"""Of a name that more functions have nobody can say which of them is called."""


class Choice:
    """Over the records of all tests, and the sources by path, of the project and of its test files."""

    def __init__(
        self, records: Iterable[Recorded], sources: Mapping[str, str], test_sources: Mapping[str, str] | None = None
    ) -> None:
        self._sources = sources
        self._test_sources = test_sources or {}
        self._tests: list[Recorded] = []
        self._running: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, each in enumerate(records):
            self._tests.append(Recorded(each.test, each.seconds, {}))
            for path, lines in each.lines.items():
                for line in lines:
                    self._running[path][line].append(number)

    def tests(self, mutation: Mutation) -> list[Recorded]:
        """Those that read the declaration, then those that run the line; empty when none does."""
        place = mutation.place
        name = place.scope.rpartition(".")[2]
        numbers = self._at(mutation.path, place.lines) if place.in_function else self._using(place.names)
        if not numbers and name in self._names_at_import:  # of a decorator, or what makes a table
            numbers = self._using([name])
        if not numbers and not place.in_function:  # what other tables are made of
            numbers = self._at(mutation.path, self._running[mutation.path])
        ordered = [*self._reading(mutation), *self._ordered(mutation, numbers)]
        return list({each.test: each for each in ordered}.values())

    def _reading(self, mutation: Mutation) -> Iterator[Recorded]:
        """Those of what a folder declares, then those in files that import the changed name, the quick ones first."""
        if mutation.place.in_function:
            return
        for folder, test_file in DECLARATIONS.items():
            if mutation.path.startswith(folder):
                yield from (each for each in self._tests if each.test.startswith(f"{test_file}::"))
        importing = self._importing(mutation)
        of_these = (each for each in self._tests if each.test.partition("::")[0] in importing)
        yield from sorted(of_these, key=lambda each: each.seconds)

    def _importing(self, mutation: Mutation) -> set[str]:
        module = re.escape(mutation.path.removesuffix(".py").replace("/", "."))
        names = "|".join(map(re.escape, sorted(mutation.place.names))) or "$."
        imports = re.compile(rf"^from {module} import (\([^)]*?|[^(\n]*?)\b({names})\b", re.MULTILINE)
        return {path for path, source in self._test_sources.items() if imports.search(source)}

    def _ordered(self, mutation: Mutation, numbers: Collection[int]) -> list[Recorded]:
        """First those that run most of the module in a second; of a test's cases one after another.

        A line counts the more, the fewer tests run it: what all tests run on their way says little about any of them.
        That goes above all for the branches near the change: who deletes a check is noticed where the check refuses.
        """
        shares: dict[int, float] = defaultdict(float)
        near = self._near(mutation)
        module = ((mutation.path, line) for line in self._running[mutation.path])
        for path, line in {*module, *near}:
            running = self._running[path].get(line, ())
            weight = _NEAR if (path, line) in near else 1
            for number in running:
                shares[number] += weight / len(running) / (self._tests[number].seconds + _SECONDS_AROUND)
        ordered = sorted(numbers, key=lambda number: (-shares[number], number))
        cases: Counter[str] = Counter()
        ranked: list[tuple[int, Recorded]] = []
        for number in ordered:
            test = self._tests[number]
            function = test.test.partition("[")[0]
            ranked.append((cases[function], test))
            cases[function] += 1
        return [test for _, test in sorted(ranked, key=lambda each: each[0])]

    def _near(self, mutation: Mutation) -> set[tuple[str, int]]:
        """The lines of the changed function, and of those that the changed lines call by name."""
        if not mutation.place.in_function:
            return set()
        source = self._sources[mutation.path].splitlines()
        text = "\n".join(source[line - 1] for line in mutation.place.lines if line <= len(source))
        functions = [
            each
            for each in self._functions.get(mutation.place.scope.rpartition(".")[2], ())
            if each[0] == mutation.path
        ]
        for name in set(re.findall(r"(\w+)\(", text)):
            namesakes = self._functions.get(name, ())
            functions += namesakes if len(namesakes) <= _MOST_NAMESAKES else ()
        return {(path, line) for path, lines in functions for line in lines}

    @cached_property
    def _functions(self) -> Mapping[str, list[tuple[str, range]]]:
        """Path and lines of the functions of each name."""
        functions: dict[str, list[tuple[str, range]]] = defaultdict(list)
        for path, source in self._sources.items():
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, Function):
                    functions[node.name].append((path, range(node.lineno, (node.end_lineno or node.lineno) + 1)))
        return functions

    def _at(self, path: str, lines: Iterable[int]) -> set[int]:
        return {number for line in lines for number in self._running[path].get(line, ())}

    def _using(self, names: Iterable[str]) -> set[int]:
        mentions = (mention for name in names for mention in self._mentions.get(name, ()))
        return {number for path, line in mentions for number in self._at(path, [line])}

    @cached_property
    def _mentions(self) -> Mapping[str, list[tuple[str, int]]]:
        """The lines with a name that some test runs."""
        mentions: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for path, source in self._sources.items():
            running = self._running[path]
            for line, text in enumerate(source.splitlines(), 1):
                for name in set(re.findall(r"\w+", text)) if line in running else ():
                    mentions[name].append((path, line))
        return mentions

    @cached_property
    def _names_at_import(self) -> set[str]:
        return {name for source in self._sources.values() for name in _names_at_import(ast.parse(source).body)}


def _names_at_import(body: Iterable[ast.AST]) -> Iterator[str]:
    """The names that a module uses while it is imported, outside of its functions."""
    for node in body:
        if isinstance(node, ast.Name | ast.Attribute):
            yield node.id if isinstance(node, ast.Name) else node.attr
        if isinstance(node, Function):
            yield from _names_at_import([*node.decorator_list, node.args])
        elif not isinstance(node, ast.If):  # what runs for type checkers, or as a program
            yield from _names_at_import(ast.iter_child_nodes(node))
