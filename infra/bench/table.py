"""The result: what was measured against its budget, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

START, END = "<!-- bench:start -->", "<!-- bench:end -->"


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement; `kept` is None where there is no budget."""

    what: str
    measured: str
    budget: str = ""
    kept: bool | None = None

    def __str__(self) -> str:
        verdict = {True: "kept", False: "**missed**", None: ""}[self.kept]
        return f"| {self.what} | {self.measured} | {self.budget} | {verdict} |"


def at_most(what: str, measured: float, budget: float, shown: str) -> Row:
    return Row(what, shown, f"≤ {budget:g}", measured <= budget)


def at_least(what: str, measured: float, budget: float, shown: str) -> Row:
    return Row(what, shown, f"≥ {budget:g}", measured >= budget)


def render(rows: Sequence[Row]) -> str:
    head = ["| what | measured | budget | |", "|---|---|---|---|"]
    return "\n".join([*head, *map(str, rows)]) + "\n"


def write(table: str, readme: Path) -> None:
    """Put the table between the marks; raises `ValueError` when they are not there."""
    text = readme.read_text("utf-8")
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"{readme.name} has no {START} … {END}")
    readme.write_text(f"{before}{START}\n{table}{END}{after}", "utf-8")
