"""What is printed: a line per mutant, the differences of those that nothing noticed, and a table by area."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from tests.mutants.mutations import Mutation
from tests.mutants.trials import Result, Verdict


@dataclass(frozen=True, slots=True)
class Tried:
    mutation: Mutation
    difference: str
    result: Result

    @property
    def report(self) -> str:
        """A line for a mutant, and its difference when no test noticed it."""
        verdict = self.result.verdict
        return self._line if verdict.is_noticed or not verdict.counts else f"{self._line}\n{self.difference}"

    @property
    def _line(self) -> str:
        mutation, result = self.mutation, self.result
        where = f"{mutation.path}:{_line(self.difference)} {mutation.place.scope or 'module'}"
        tests = f"{result.ran} of {result.chosen} tests"
        by = f", by {result.by}: {result.why.splitlines()[0][:120] if result.why else ''}" if result.by else ""
        return f"{result.verdict.value:<10} {where}: {mutation.change.kind} ({tests}{by})"


def _line(diff: str) -> int:
    """The number of the first line that a unified diff changes."""
    header, *lines = diff.splitlines()[2:]
    first = int(header.split()[1].partition(",")[0].removeprefix("-"))
    return first + next((number for number, line in enumerate(lines) if line[0] in "+-"), 0)


def area(path: str) -> str:
    """The area of a path: `usecases/pipeline`, `domain`, `infra/sockets`."""
    top, *folders = PurePath(path).parts[:-1]
    names = folders[: 2 if folders[:1] == ["usecases"] else 1] if top == "shared" else [top, *folders[:1]]
    return "/".join(names) or top


def table(tried: Iterable[Tried]) -> str:
    """The table in Markdown; unfinished mutants count as survived, unusable ones not at all."""
    areas: Mapping[str, Counter[Verdict]] = defaultdict(Counter)
    for each in tried:
        if each.result.verdict.counts:
            areas[area(each.mutation.path)][each.result.verdict] += 1
    rows = [_row(f"`{name}`", counts) for name, counts in sorted(areas.items())]
    total = sum(areas.values(), Counter[Verdict]())
    head = [
        "| area | mutants | noticed | of them by a test that hung | not noticed | share |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows, _row("all", total)])


def _row(name: str, counts: Counter[Verdict]) -> str:
    noticed = sum(number for verdict, number in counts.items() if verdict.is_noticed)
    total = counts.total()
    share = f"{100 * noticed / total:.0f} %" if total else "-"
    return f"| {name} | {total} | {noticed} | {counts[Verdict.HUNG]} | {total - noticed} | {share} |"
