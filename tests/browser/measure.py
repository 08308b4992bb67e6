"""How long the console takes, and what it keeps: `python -m tests.browser.measure`.

Tests assert counts; these are times and sizes on the machine of the moment, for the console's budgets.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from pathlib import Path
from statistics import median

from tests.browser.conftest import new_shop
from tests.browser.console import OPENS_ONE, choose, has_many, open_console
from tests.browser.devtools import Browser, Page, program
from tests.infra.process import Process
from tests.stubs import stub_server

ROWS = 20_000
CHANGES = 50
OPENED = 1000

_CHANGE = """
(async () => {
  const times = [];
  for (let turn = 0; turn < %d; turn += 1) {
    const row = live.list.value.entries.at(-1).row.value;
    const start = performance.now();
    live.merge([{ ...row, lastMessageAt: new Date(Date.now() + 60000 + turn * 1000).toISOString() }]);
    await new Promise((resolve) => queueMicrotask(() => setTimeout(resolve)));
    document.body.offsetHeight;
    times.push(performance.now() - start);
  }
  return times;
})()
"""
"""Moves the last row to the top, draws it, and lays the page out, as often as it says."""


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _measure_changes(page: Page) -> None:
    has_many(page, ROWS)
    times: list[float] = page.js(_CHANGE % CHANGES)
    _tell(f"a row of {ROWS} moves to the top: median {median(times):.1f} ms, longest {max(times):.1f} ms")


def _measure_memory(page: Page) -> None:
    page.js(OPENS_ONE)
    page.js("document.querySelector('.conversation-head [aria-pressed=true]')?.click()")
    sizes = []
    for start in range(0, OPENED, 100):
        page.js(f"(async () => {{ for (let i = {start}; i < {start} + 100; i += 1) await openOne(i); }})()")
        sizes.append(page.heap_bytes() / 1e6)
    _tell(f"memory after each 100 of {OPENED} conversations, in MB: {', '.join(f'{size:.1f}' for size in sizes)}")


def main() -> None:
    path = program()
    if path is None:
        sys.exit("there is no chromium: apt-get install chromium")
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Process(Path(folder), REPLY_DEBOUNCE_SECONDS="0")) as hub,
        closing(Browser(path, Path(folder) / "profile")) as browser,
        stub_server() as host,
    ):
        shop = new_shop(hub.url, host)
        shop.visitor("Ada", "Hello")
        page = open_console(browser, shop)
        choose(page, "Ada")
        _measure_changes(page)
        _measure_memory(page)


if __name__ == "__main__":
    main()
