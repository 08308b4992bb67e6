"""The table in shared/channels/README.md of what channels can carry, made from what they declare.

python -m infra.capabilities            # prints it
python -m infra.capabilities --write    # puts it into shared/channels/README.md
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from shared.channel import MEGABYTE, Capabilities, Pace
from shared.channels import channel, names, type_of
from shared.domain.messages import MessageKind, MessageStatus

README = Path("shared/channels/README.md")
START, END = "<!-- capabilities:start -->", "<!-- capabilities:end -->"
_NONE = "-"
_HEAD = (
    "adapter",
    "type",
    "text",
    "sends (most MB)",
    "receipts",
    "window",
    "templates",
    "choices",
    "reactions",
    "threads",
    "reached by",
    "pace",
)


def table() -> str:
    """One row for each adapter, as Markdown."""
    rows = [_HEAD, ("---",) * len(_HEAD), *(_row(adapter) for adapter in names())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def rendered(text: str) -> str:
    """A text with the table between its two markers; raises `ValueError` when they are missing."""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"{README} has no {START} … {END}")
    return f"{before}{START}\n{table()}\n{END}{after}"


def _row(adapter: str) -> tuple[str, ...]:
    declared = channel(adapter).capabilities
    return (
        f"`{adapter}`",
        f"`{type_of(adapter).value}`",
        f"{declared.text_limit}",
        _attachments(declared),
        ", ".join(status.value for status in MessageStatus if status in declared.receipts) or _NONE,
        _window(declared.window),
        _yes(declared.templates),
        _yes(declared.choices),
        _yes(declared.reactions),
        _yes(declared.threads),
        declared.addressed_by or _NONE,
        _pace(declared.pace),
    )


def _yes(value: bool) -> str:
    return "yes" if value else _NONE


def _attachments(declared: Capabilities) -> str:
    kinds = [
        kind.value if (most := declared.attachments[kind]) is None else f"{kind.value} {round(most / MEGABYTE, 2):g}"
        for kind in MessageKind
        if kind in declared.attachments
    ]
    return ", ".join(kinds) or _NONE


def _window(window: timedelta | None) -> str:
    return _NONE if window is None else f"{window.total_seconds() / 3600:g} h"


def _pace(pace: Pace) -> str:
    limits = []
    if pace.per_second is not None:
        limits.append(f"{pace.per_second:g}/s")
    if pace.replies_per_second is not None:
        limits.append(f"replies {pace.replies_per_second:g}/s")
    if pace.chat_seconds is not None:
        limits.append(f"a chat 1 in {pace.chat_seconds:g} s")
    return ", ".join(limits) or _NONE


def main(arguments: Sequence[str]) -> int:
    if arguments == ["--write"]:
        README.write_text(rendered(README.read_text("utf-8")), "utf-8")
    else:
        sys.stdout.write(f"{table()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
