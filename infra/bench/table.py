"""The result: what was measured over each backend, against its budget, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement; `is_met` is None where there is no budget. What was `counted` does not depend on the machine."""

    label: str
    measured: str
    budget: str = ""
    is_met: bool | None = None
    counted: bool = False

    @property
    def verdict(self) -> str:
        return {True: "kept", False: "**missed**", None: ""}[self.is_met]


def at_most(label: str, measured: float, budget: float, measured_text: str) -> Row:
    return Row(label, measured_text, f"≤ {budget:g}", measured <= budget)


def at_least(label: str, measured: float, budget: float, measured_text: str) -> Row:
    return Row(label, measured_text, f"≥ {budget:g}", measured >= budget)


def counts_judged(rows: Sequence[Row]) -> list[Row]:
    """The same rows, where times are shown and not judged."""
    return [row if row.counted else replace(row, is_met=None) for row in rows]


def unmeasured(rows: Sequence[Row], reason: str) -> list[Row]:
    """A column for the same rows that says only why it is empty."""
    cells = [f"not measured: {reason}", *[""] * (len(rows) - 1)]
    return [Row(row.label, text) for row, text in zip(rows, cells, strict=True)]


def render(embedded: Sequence[Row], google: Sequence[Row]) -> str:
    """Both are of the same measurements in the same order."""
    lines = ["| what | embedded | budget | | Google (emulators) |", "|---|---|---|---|---|"]
    for row, google_row in zip(embedded, google, strict=True):
        beside = f"{google_row.measured}: {google_row.verdict}" if google_row.verdict else google_row.measured
        lines.append(f"| {row.label} | {row.measured} | {row.budget} | {row.verdict} | {beside} |")
    return "\n".join(lines) + "\n"
