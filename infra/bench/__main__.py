"""Measure the budgets over both backends and print one table; takes about five minutes on an idle machine.

    python -m infra.bench [--write]

Times depend on the machine, so they are compared within one run: the functions,
served as in their image, with a bare hello-world served by functions-framework,
with as many threads and under the same load. Ends with status 1 when a budget
is missed. Google's parts are their emulators; where
these cannot run, which is half of the time, their column says why.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.bench import backends, coldstart, endtoend, webhooks
from infra.bench.backends import Backend
from infra.bench.costs import cost_rows
from infra.bench.inboxes import inbox_rows
from infra.bench.processes import ROOT, read_announcement, running
from infra.bench.table import Row, at_least, at_most, counts_judged, render, unmeasured
from infra.generated import with_part

_NOTE = """
Python {python}, {cores} cores. The last column is measured over the official emulators of Firestore and Pub/Sub and a
Secret Manager in memory: it tells what the code does, not how long Google's services take. Its times therefore have no
budget; what is counted has the same.
"""


def _webhook_rows(throughput: webhooks.Throughput) -> Iterator[Row]:
    text = f"{throughput.ratio:.2f} ({throughput.webhooks:.0f} of {throughput.hello:.0f} a second)"
    yield at_least("`webhooks`: requests a second against a function that does nothing", throughput.ratio, 0.6, text)


def _start_rows(starts: dict[str, coldstart.Start]) -> Iterator[Row]:
    for name, start in starts.items():
        text = (
            f"{start.ratio:.1f} ({start.seconds:.2f} s; processor time {start.work:.1f}; imports {start.imports:.2f} s)"
        )
        label = f"`{name}`: start to first answer against a function that does nothing"
        yield at_most(label, start.ratio, 1.5 if name == "webhooks" else 3.0, text)


def _flow_rows(flow: endtoend.Flow) -> Iterator[Row]:
    yield at_least("one process: webhooks a second, stored and replied", flow.sustained, 200, f"{flow.sustained:.0f}")
    yield Row("… accepted to reply, p50 / p99", f"{flow.p50:.0f} / {flow.p99:.0f} ms at {flow.pace:g} a second")
    is_complete = not (flow.lost or flow.doubled)
    yield Row("… lost / answered twice", f"{flow.lost} / {flow.doubled}", "0 / 0", is_complete, counted=True)


def _column(backend: Backend, directory: Path) -> list[Row]:
    """Everything, one thing after the other; logs go into `directory`, each row at once to stderr, too."""
    rows = []
    for row in _measured(backend, directory):
        print(f"{row.label}: {row.measured}", file=sys.stderr, flush=True)
        rows.append(row)
    return rows


def _measured(backend: Backend, directory: Path) -> Iterator[Row]:
    yield from cost_rows(backend.empty("costs"))
    yield from inbox_rows(backend.empty("inbox"))
    environment, log = backend.empty("functions"), directory / "functions.log"
    path = webhooks.prepare(environment)
    yield from _start_rows(coldstart.measure(environment, path, log))
    yield from _webhook_rows(webhooks.measure(environment, path, log))
    yield from _flow_rows(endtoend.measure(backend, directory))


def measure(directory: Path) -> tuple[list[Row], list[Row]]:
    """The embedded backend's column and Google's."""
    with running(["-m", "infra.bench.provider"], {}, directory / "provider.log") as process:
        provider = f"http://127.0.0.1:{int(read_announcement(process, 'port '))}"
        embedded = _column(backends.embedded(directory, provider), directory)
        return embedded, _google(provider, directory, embedded)


def _google(provider: str, directory: Path, embedded: Sequence[Row]) -> list[Row]:
    with ExitStack() as stack:
        try:
            backend = stack.enter_context(backends.google(provider))
        except (OSError, RuntimeError) as error:
            return unmeasured(embedded, str(error).strip().rpartition("\n")[2])
        return counts_judged(_column(backend, directory))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.bench", description=(__doc__ or "").partition(";")[0])
    parser.add_argument("--write", action="store_true", help="put the table into infra/README.md")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended, too
    with TemporaryDirectory(prefix="bench-") as directory:
        embedded, google = measure(Path(directory))
    table = render(embedded, google) + _NOTE.format(python=platform.python_version(), cores=os.cpu_count())
    print(table)
    if arguments.write:
        readme = ROOT / "infra/README.md"
        readme.write_text(with_part(readme.read_text("utf-8"), "bench", table), "utf-8")
    return int(any(row.is_met is False for row in (*embedded, *google)))


if __name__ == "__main__":
    sys.exit(main())
