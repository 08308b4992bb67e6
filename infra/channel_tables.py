"""The tables in shared/channels/README.md: what channels declare to carry, and how far each is built.

python -m infra.channel_tables            # prints them
python -m infra.channel_tables --write    # puts them into shared/channels/README.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from infra.generated import with_part
from shared.channel import MEGABYTE, Capabilities, Pace, quality
from shared.channel.quality import State
from shared.channels import channel, names, type_of
from shared.domain.messages import MessageKind, MessageStatus

README = Path("shared/channels/README.md")
_NONE = "-"
_STATES = {State.DONE: "yes", State.TODO: "to do", State.EXEMPT: _NONE}
_HEAD = (
    "adapter",
    "type",
    "text",
    "sends (most MB)",
    "receipts",
    "window",
    "templates",
    "choices",
    "polls",
    "reactions",
    "edits",
    "deletions",
    "threads",
    "reached by",
    "pace",
)


def capabilities() -> str:
    """A row for each adapter, as Markdown."""
    return _table(_HEAD, (_row(adapter) for adapter in names()))


def qualities() -> str:
    """A row for each rule, and a column for each adapter."""
    by_adapter = {adapter: quality.marks(adapter) for adapter in names()}
    rows = (
        (f"`{rule.value}`", *(_STATES[marks[rule].state] for marks in by_adapter.values())) for rule in quality.Rule
    )
    return _table(("", *(f"`{adapter}`" for adapter in by_adapter)), rows)


def rendered(text: str) -> str:
    """The document with today's tables. Raises `ValueError` where their marks are missing."""
    return with_part(with_part(text, "capabilities", capabilities()), "quality", qualities())


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


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
        _yes(declared.polls),
        _yes(declared.reactions),
        _for(declared.edits, declared.edits_within),
        _for(declared.deletions, declared.deletions_within),
        _yes(declared.threads),
        declared.addressed_by or _NONE,
        _pace(declared.pace),
    )


def _for(is_able: bool, within: timedelta | None) -> str:
    return _yes(is_able) if within is None else _window(within)


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
        sys.stdout.write(f"{capabilities()}\n\n{qualities()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
