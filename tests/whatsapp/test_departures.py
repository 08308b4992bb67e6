"""Of the messages that were being sent when a hub was killed, those that had not left are known."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.sockets.whatsapp.departures import Departures, conclude, departed_from, may_have_left

MESSAGE = '<message id="3EB0AA" to="5511988887777@s.whatsapp.net" type="text"><participants/></message>'
GONE = 2**22 + 1
"""No process has this id."""


def _part_ids(message_ids: Sequence[str]) -> dict[str, str]:
    return {message_id: f"part-{message_id}" for message_id in message_ids}


def _ended(directory: Path, epoch: int, *sent: str, worker: int = GONE) -> datetime:
    """A line that has ended after ten minutes, while these were being sent; returns when it began."""
    directory.mkdir()
    departures = Departures(directory)
    departures.begin(epoch, worker)
    origin = json.loads((directory / "origin.json").read_text())
    origin["began_at"] -= 600
    (directory / "origin.json").write_text(json.dumps(origin))
    for message_id in sent:
        departures.hear("Client/Send", MESSAGE.replace("3EB0AA", message_id))
    conclude(directory, _part_ids)
    return datetime.fromtimestamp(origin["began_at"], UTC)


def test_a_message_that_was_about_to_be_written_may_have_left_and_no_other(tmp_path: Path) -> None:
    began_at = _ended(tmp_path / "1", 1, "AA")
    departed = departed_from([tmp_path / "1"])
    claimed_at = began_at + timedelta(seconds=1)
    assert may_have_left("part-AA", claimed_at, 2, departed)
    assert not may_have_left("part-BB", claimed_at, 2, departed)


def test_what_was_claimed_by_a_line_that_nobody_remembers_may_have_left(tmp_path: Path) -> None:
    began_at = _ended(tmp_path / "3", 3)
    departed = departed_from([tmp_path / "3"])
    assert may_have_left("part-BB", began_at - timedelta(seconds=1), 4, departed)
    # Somebody else has held the account between.
    assert may_have_left("part-BB", began_at + timedelta(seconds=1), 5, departed)
    assert may_have_left("part-BB", began_at + timedelta(seconds=1), 3, departed)


def test_what_was_claimed_after_the_killed_line_had_ended_may_have_left_by_the_present_one(tmp_path: Path) -> None:
    began_at = _ended(tmp_path / "1", 1, "AA")
    departed = departed_from([tmp_path / "1"])
    assert not may_have_left("part-BB", began_at + timedelta(minutes=9), 2, departed)
    assert may_have_left("part-BB", began_at + timedelta(minutes=11), 2, departed)


def test_all_lines_since_the_claim_are_asked(tmp_path: Path) -> None:
    began_at = _ended(tmp_path / "1", 1, "AA")
    _ended(tmp_path / "2", 2, "CC")
    departed = departed_from([tmp_path / "1", tmp_path / "2"])
    claimed_at = began_at + timedelta(microseconds=1)
    assert [may_have_left(part, claimed_at, 3, departed) for part in ("part-AA", "part-BB", "part-CC")] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("logger", "line"),
    [
        ("Client/Recv", MESSAGE),
        ("Client/Send", '<receipt id="3EB0AA" to="5511988887777@s.whatsapp.net"/>'),
        ("Client/Send", '<message id="../../up" to="5511988887777@s.whatsapp.net"/>'),
        ("Client/Send", '<message category="peer" id="3EB0AA" to="5511988887777@s.whatsapp.net"/>'),
    ],
)
def test_other_lines_of_the_log_note_nothing(tmp_path: Path, logger: str, line: str) -> None:
    departures = Departures(tmp_path)
    departures.hear(logger, line)
    assert departures.message_ids() == []


def test_notes_are_kept_for_ten_minutes_at_least(tmp_path: Path) -> None:
    departures = Departures(tmp_path)
    now = int(time.time() // 300)
    for age in (1, 2, 3, 4):
        (tmp_path / "departures" / str(now - age)).write_text(f"M{age}\n")
    departures.hear("Client/Send", MESSAGE)
    departures.hear("Client/Send", MESSAGE.replace("3EB0AA", "3EB0BB"))
    assert departures.message_ids() == ["M2", "M1", "3EB0AA", "3EB0BB"]


def test_nothing_is_concluded_where_a_message_is_unknown(tmp_path: Path) -> None:
    departures = Departures(tmp_path)
    departures.begin(1, GONE)
    departures.hear("Client/Send", MESSAGE)
    conclude(tmp_path, lambda _: {})
    assert departed_from([tmp_path]) == {}


def test_a_worker_that_outlived_its_hub_is_ended_before_its_notes_are_read(tmp_path: Path) -> None:
    directory = tmp_path / "1"
    directory.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=directory, stdin=subprocess.PIPE) as worker:
        Departures(directory).begin(1, worker.pid)
        conclude(directory, _part_ids)
        assert worker.wait(10) < 0


def test_a_directory_without_a_beginning_concludes_nothing(tmp_path: Path) -> None:
    conclude(tmp_path, _part_ids)
    (tmp_path / "conclusion.json").write_text("{")
    assert departed_from([tmp_path, tmp_path / "gone"]) == {}
