"""Files are deleted when their time is over, and none that somebody still refers to."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from shared.documents import ids
from shared.ports.store import Merge, Ref
from shared.usecases.conversations.file_copying import copy_file
from shared.usecases.conversations.file_retention import MOST_OF_TENANT, delete_old
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.test_file_copies import PNG, gives, read, sends_picture

NAME = hashlib.sha256(PNG).hexdigest()


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    gives(manual_hub)
    return manual_hub


def _copied(hub: ManualHub, bot: str, file_id: str = "F") -> str:
    path = sends_picture(hub, bot, file_id)
    hub.tick()
    return path


def _days_pass(hub: ManualHub, days: int) -> None:
    hub.wait(days=days)
    hub.tick()


def _is_kept(hub: ManualHub) -> bool:
    assert hub.deps.files is not None
    return hub.deps.files.exists(hub.tenant_id, NAME)


def _attachments(hub: ManualHub) -> list[Any]:
    [conversation] = hub.get("/api/conversations")["conversations"]
    messages = hub.get(f"/api/conversations/{conversation['id']}/messages")["messages"]
    return [attachment for message in messages for attachment in message["attachments"]]


def test_a_file_is_deleted_when_its_time_is_over_and_its_message_says_so(hub: ManualHub, bot: str) -> None:
    path = _copied(hub, bot)
    _days_pass(hub, 364)
    assert read(hub, path) == (200, PNG)
    _days_pass(hub, 2)
    status, body = read(hub, path)
    assert (status, b"no longer kept" in body) == (404, True)
    assert not _is_kept(hub)
    [attachment] = _attachments(hub)
    assert (attachment["fileName"], attachment["type"], attachment["unavailable"]) == (
        "cat.png",
        "document",
        "no longer kept",
    )
    assert hub.documents("stored_contents") == []
    assert [usage["size"] for usage in hub.documents("file_usage")] == [0]


def test_a_tenant_says_for_how_many_days_files_are_kept(hub: ManualHub, bot: str) -> None:
    path = _copied(hub, bot)
    _days_pass(hub, 30)
    assert hub.patch("/api/settings", {"filesKeptDays": 30})["filesKeptDays"] == 30
    hub.tick()
    assert read(hub, path)[0] == 404, "with the next sweep, not after an hour"
    assert "filesKeptDays" not in hub.patch("/api/settings", {"filesKeptDays": None})


@pytest.mark.parametrize("days", [0, 6, 3651, "x"])
def test_files_are_kept_for_a_week_to_ten_years(hub: ManualHub, days: Any) -> None:
    assert "filesKeptDays" in str(hub.patch("/api/settings", {"filesKeptDays": days}, 400)["fields"])


def test_a_content_goes_with_the_last_message_that_has_it(hub: ManualHub, bot: str) -> None:
    first = _copied(hub, bot)
    _days_pass(hub, 300)
    second = _copied(hub, bot, "G")
    _days_pass(hub, 100)
    assert (read(hub, first)[0], read(hub, second)) == (404, (200, PNG))
    assert [content["references"] for content in hub.documents("stored_contents")] == [1]
    _days_pass(hub, 300)
    assert not _is_kept(hub)


def test_more_than_one_look_deletes_are_deleted_in_the_next_ones(hub: ManualHub, bot: str) -> None:
    for number in range(MOST_OF_TENANT + 1):
        sends_picture(hub, bot, f"F{number}")
    for _ in range(3):
        hub.tick()
        hub.wait(minutes=2)
    _days_pass(hub, 366)
    states = [copy["state"] for copy in hub.documents("file_copies")]
    assert (states.count("expired"), states.count("stored")) == (MOST_OF_TENANT, 1)
    hub.tick()
    assert {copy["state"] for copy in hub.documents("file_copies")} == {"expired"}


def test_a_file_that_arrives_while_the_same_one_is_being_deleted_is_kept(hub: ManualHub, bot: str) -> None:
    _copied(hub, bot)
    hub.wait(days=366)
    arrived: list[str] = []

    def arrive() -> None:
        arrived.append(sends_picture(hub, bot, "G"))
        hub.tick()

    hub.overlaps.store.after_commit(Ref("stored_contents", ids.stored_content(hub.tenant_id, NAME)), arrive)
    hub.tick()
    assert hub.overlaps.store.all_happened
    hub.wait(minutes=5)
    hub.tick()
    assert read(hub, arrived[0]) == (200, PNG)
    assert _is_kept(hub)


def test_a_file_that_is_deleted_between_its_writing_and_its_document_is_written_again(hub: ManualHub, bot: str) -> None:
    _copied(hub, bot)
    hub.wait(days=366)
    path = sends_picture(hub, bot, "G")
    [order] = hub.documents("file_copies", state="pending")
    hub.overlaps.store.before_commit("stored_contents", lambda: delete_old(hub.deps))
    copy_file(hub.deps, hub.tenant_id, order["id"])
    assert hub.overlaps.store.all_happened
    assert _is_kept(hub)
    assert read(hub, path) == (200, PNG)


def test_what_a_process_that_died_had_marked_is_deleted_by_another(hub: ManualHub, bot: str) -> None:
    _copied(hub, bot)
    content = Ref("stored_contents", ids.stored_content(hub.tenant_id, NAME))
    hub.store.commit([Merge(content, {"deleting_since": hub.deps.now(), "references": 0})])
    hub.wait(minutes=9)
    hub.tick()
    assert _is_kept(hub), "somebody may still be at it"
    hub.wait(minutes=2)
    hub.tick()
    assert not _is_kept(hub)
    assert hub.documents("stored_contents") == []
