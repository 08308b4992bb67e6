"""The counted operations and their prices as Markdown."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

PRICES: Final = Path(__file__).with_name("prices.toml")
MILLION: Final = 1_000_000
MEASURED: Final = frozenset({"run_vcpu_seconds", "run_gib_seconds"})
"""What is measured on a machine rather than counted, where many messages come."""


class Price(BaseModel):
    """Dollars for `unit` of what is counted; `read` is the day on which the source was looked up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    price: float = Field(gt=0)
    unit: int = Field(gt=0)
    source: str = Field(pattern=r"^https://cloud\.google\.com/")
    read: date
    note: str

    def million(self, per_message: float) -> float:
        """What a million times that costs."""
        return per_message * MILLION * self.price / self.unit


def prices() -> dict[str, Price]:
    """The prices by the names of what is counted."""
    return {name: Price.model_validate(row) for name, row in tomllib.loads(PRICES.read_text("utf-8")).items()}


def table(busy: Mapping[str, float], alone: Mapping[str, float]) -> str:
    """One row for each price, and their sum."""
    lines = [
        "| paid for | a message among many | a million | a message alone | a million |",
        "|---|---|---|---|---|",
    ]
    sums = [0.0, 0.0]
    for name, price in prices().items():
        amount = (busy[name], alone[name])
        costs = [price.million(amount) for amount in amount]
        sums = [total + cost for total, cost in zip(sums, costs, strict=True)]
        mark = " (measured)" if name in MEASURED else ""
        cells = [price.what, f"{_amount(amount[0])}{mark}", f"${costs[0]:.2f}", _amount(amount[1]), f"${costs[1]:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, f"| together | | **${sums[0]:.2f}** | | **${sums[1]:.2f}** |"])


def _amount(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:.4f}"
