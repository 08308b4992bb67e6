"""Which notifications a person has read."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.notifications import Notification, ReadNotifications
from tests.documents import MOMENT


def _notification(note_id: str = "n1", at: datetime = MOMENT) -> Notification:
    return Notification(id=note_id, tenant_id="t1", type="INFO", title="", message="", created_at=at)


def test_what_came_up_to_a_time_or_was_marked_is_read() -> None:
    read = ReadNotifications(id="u1", tenant_id="t1", created_at=MOMENT)
    assert not read.covers(_notification())
    read.note("n1")
    assert (read.covers(_notification()), read.covers(_notification("n2"))) == (True, False)
    read.until = MOMENT
    later = MOMENT + timedelta(microseconds=1)
    assert (read.covers(_notification("n2")), read.covers(_notification("n2", later))) == (True, False)


def test_the_oldest_mark_goes_where_there_are_too_many() -> None:
    read = ReadNotifications(id="u1", tenant_id="t1", created_at=MOMENT)
    for number in range(501):
        read.note(f"n{number}")
    assert (len(read.ids), read.ids[0], read.ids[-1]) == (500, "n1", "n500")
