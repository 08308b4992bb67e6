"""Measure the budgets and print one table; takes two to three minutes.

    python -m infra.bench [--write]

Times depend on the machine, so they are compared within one run: the functions
with a bare functions-framework hello-world under the same server and load. Ends
with status 1 when a budget is missed.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.bench import coldstart, endtoend, webhooks
from infra.bench.costs import cost_rows
from infra.bench.processes import ROOT, running, told
from infra.bench.table import Row, at_least, at_most, render, write


def _webhook_rows(found: webhooks.Throughput) -> Iterator[Row]:
    shown = f"{found.ratio:.2f} ({found.webhooks:.0f} of {found.hello:.0f} a second)"
    yield at_least("`webhooks`: requests a second against a function that does nothing", found.ratio, 0.6, shown)


def _start_rows(found: dict[str, coldstart.Start]) -> Iterator[Row]:
    for name, start in found.items():
        shown = (
            f"{start.ratio:.1f} ({start.seconds:.2f} s; processor time {start.work:.1f}; imports {start.imports:.2f} s)"
        )
        what = f"`{name}`: start to first answer against a function that does nothing"
        yield at_most(what, start.ratio, 1.5 if name == "webhooks" else 3.0, shown)


def _flow_rows(found: endtoend.Flow) -> Iterator[Row]:
    what = "one process, embedded: webhooks a second, stored and replied"
    yield at_least(what, found.sustained, 200, f"{found.sustained:.0f}")
    what = f"… accepted to reply at {endtoend.PACE:g} a second, p50 / p99"
    yield Row(what, f"{found.p50:.0f} / {found.p99:.0f} ms")
    yield Row("… lost / answered twice", f"{found.lost} / {found.doubled}", "0 / 0", not (found.lost or found.doubled))


def measure(directory: Path) -> list[Row]:
    """Everything, one thing after the other."""
    rows: list[Row] = []
    with running(["-m", "infra.bench.provider"], {}, directory / "provider.log") as process:
        provider = int(told(process, "port "))
        address = f"http://127.0.0.1:{provider}"
        rows += cost_rows(directory / "costs", address)
        (directory / "functions").mkdir()
        path = webhooks.prepare(directory / "functions" / "data", address)
        rows += _start_rows(coldstart.measure(directory / "functions", path))
        rows += _webhook_rows(webhooks.measure(directory / "functions", path))
    rows += _flow_rows(endtoend.measure(directory))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.bench", description=(__doc__ or "").partition(";")[0])
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="bench-") as directory:
        rows = measure(Path(directory))
    table = render(rows) + f"\nPython {platform.python_version()}, {os.cpu_count()} cores.\n"
    print(table)
    if arguments.write:
        write(table, ROOT / "README.md")
    return int(any(row.kept is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
