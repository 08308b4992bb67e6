"""How far a channel is built: `quality.toml` in its folder has a line for each rule here.

    edits_in = "done"
    edits_out = "todo: chat.update changes a message of ours"
    templates = "exempt: Slack has none"

`exempt` and `todo` have a note: what the provider lacks, or what is to be built. `done` may have one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

CHANNELS = Path(__file__).parents[1] / "channels"


class Rule(StrEnum):
    """What makes a channel complete, in the order in which it is shown."""

    SIGNATURE = "signature"
    """Whatever the provider sends is proved before anything is stored."""

    WINDOW = "window"
    """Where the provider limits when a business may write, the hub says so before it sends."""

    RECEIPTS = "receipts"
    MEDIA_IN = "media_in"
    MEDIA_OUT = "media_out"
    EDITS_IN = "edits_in"
    EDITS_OUT = "edits_out"
    DELETIONS_IN = "deletions_in"
    DELETIONS_OUT = "deletions_out"
    REACTIONS_IN = "reactions_in"
    REACTIONS_OUT = "reactions_out"
    THREADS = "threads"
    GROUPS = "groups"
    """Chats of several people are one conversation, and answered only where somebody speaks to the account."""

    BACKFILL = "backfill"
    """What came while the hub or the provider was away is brought in afterwards."""

    TYPING = "typing"
    """The customer sees that an answer is being written."""

    READ_MARKS = "read_marks"
    """The customer sees that their message was read."""

    TEMPLATES = "templates"
    TRIED = "tried"
    """Used with the genuine provider, or its genuine software; the note says which."""


class State(StrEnum):
    DONE = "done"
    TODO = "todo"
    EXEMPT = "exempt"


class Mark(NamedTuple):
    state: State
    note: str


def marks(adapter: str) -> Mapping[Rule, Mark]:
    """What a file says of each rule. Raises `ValueError` where a rule or a note is missing, or a rule is unknown."""
    path = CHANNELS / adapter / "quality.toml"
    lines = tomllib.loads(path.read_text("utf-8"))
    if lines.keys() != set(Rule):
        raise ValueError(f"{path}: give each of these a line, and nothing else: {', '.join(Rule)}")
    return {rule: _mark(path, rule, lines[rule]) for rule in Rule}


def _mark(path: Path, rule: Rule, line: str) -> Mark:
    state, _, note = line.partition(": ")
    if state not in set(State):
        raise ValueError(f"{path}: {rule} is one of {', '.join(State)}, then a colon and a note")
    mark = Mark(State(state), note)
    if not note and (mark.state is not State.DONE or rule is Rule.TRIED):
        raise ValueError(f"{path}: {rule} needs a note after `{state}: `")
    return mark
