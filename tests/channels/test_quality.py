"""What a channel says of itself in `quality.toml` is so: it declares what is done, and a recording shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.channel.quality import Rule, State, marks
from shared.channels import channel, names
from tests.channels.example import examples
from tests.channels.golden import HERE

SHOWN_BY: dict[Rule, list[dict[str, Any]]] = {
    Rule.EDITS_IN: [{"event": "MessageEdited"}],
    Rule.DELETIONS_IN: [{"event": "MessageDeleted"}],
    Rule.REACTIONS_IN: [{"event": "ReactionChanged"}],
    Rule.GROUPS: [{"event": "MessageReceived", word: True} for word in ("is_group", "is_shared")],
}


def _events(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "event" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _events(each)


def _recorded(adapter: str) -> list[dict[str, Any]]:
    files = (HERE / adapter / "golden").glob("*.json")
    return [event for file in files for event in _events(json.loads(file.read_text("utf-8")))]


@pytest.mark.parametrize("adapter", names())
def test_what_a_channel_declares_is_done_and_nothing_else(adapter: str) -> None:
    declared = channel(adapter).capabilities
    abilities = {
        Rule.SIGNATURE: channel(adapter).has_webhook and not examples()[adapter].proof.none_come,
        Rule.WINDOW: declared.window is not None,
        Rule.RECEIPTS: bool(declared.receipts),
        Rule.MEDIA_OUT: bool(declared.attachments),
        Rule.EDITS_OUT: declared.edits,
        Rule.DELETIONS_OUT: declared.deletions,
        Rule.REACTIONS_OUT: declared.reactions,
        Rule.THREADS: declared.threads,
        Rule.TYPING: declared.typing,
        Rule.READ_MARKS: declared.read_marks,
        Rule.TEMPLATES: declared.templates,
    }
    assert {rule for rule, is_able in abilities.items() if is_able} == {
        rule for rule in abilities if marks(adapter)[rule].state is State.DONE
    }


@pytest.mark.parametrize("adapter", names())
def test_what_comes_in_is_done_where_a_recording_shows_it(adapter: str) -> None:
    events = _recorded(adapter)
    recorded = {
        rule
        for rule, signs in SHOWN_BY.items()
        if any(sign.items() <= event.items() for sign in signs for event in events)
    }
    assert recorded == {rule for rule in SHOWN_BY if marks(adapter)[rule].state is State.DONE}


@pytest.mark.parametrize("adapter", names())
def test_files_come_in_where_it_is_done(adapter: str) -> None:
    # Not the other way round: a channel may only describe files.
    if marks(adapter)[Rule.MEDIA_IN].state is State.DONE:
        assert any(event.get("attachments") for event in _recorded(adapter))
