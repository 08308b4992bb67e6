"""Files of messages are copied while their providers have them, and outlive the providers' links."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.channel import MEGABYTE
from shared.domain.events import Topic
from shared.ports.store import Merge, Ref
from shared.usecases.conversations import file_copying
from shared.usecases.conversations.file_copying import MAX_ATTEMPTS, MAX_OF_TENANT
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Received, Reply

PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 100
GONE = Reply(400, json={"ok": False, "error_code": 400, "description": "Bad Request: wrong file_id"})


def gives(hub: ManualHub, content: bytes = PNG, mime_type: str = "application/octet-stream") -> None:
    """Telegram has the file."""
    hub.provider.on("POST", "/getFile", Reply(json={"ok": True, "result": {"file_id": "F", "file_path": "a.png"}}))
    hub.provider.on("GET", "/file/", Reply(content=content, headers={"content-type": mime_type}))


def _loses(hub: ManualHub) -> None:
    """Telegram no longer has the file."""
    hub.provider.on("POST", "/getFile", GONE)
    hub.provider.on("GET", "/file/", GONE)


def sends_picture(hub: ManualHub, bot: str, file_id: str = "F", **fields: Any) -> str:
    """A customer does; returns the path at which the business gets it."""
    update = hub.update(5, "")
    del update["message"]["text"]
    update["message"]["document"] = {"file_id": file_id, "file_unique_id": file_id, "file_name": "cat.png"} | fields
    hub.deliver_update(bot, update)
    hub.work(Topic.INBOUND)
    return f"/media/{hub.messages()[-1].id}-0"


def _copies(hub: ManualHub) -> list[dict[str, Any]]:
    return hub.documents("file_copies")


def read(hub: ManualHub, path: str) -> tuple[int, bytes]:
    answer = hub.client.get(path, headers=hub.headers)
    return answer.status_code, answer.data


def test_a_file_outlives_its_providers_link(manual_hub: ManualHub, bot: str) -> None:
    gives(manual_hub)
    path = sends_picture(manual_hub, bot)
    manual_hub.tick()
    _loses(manual_hub)
    assert read(manual_hub, path) == (200, PNG)
    [copy] = _copies(manual_hub)
    assert (copy["state"], copy["due_at"], copy["size"]) == ("stored", None, len(PNG))
    assert (copy["sha256"], copy["mime_type"]) == (hashlib.sha256(PNG).hexdigest(), "image/png")


def test_a_file_that_is_copied_is_never_fetched_again(manual_hub: ManualHub, bot: str) -> None:
    gives(manual_hub)
    path = sends_picture(manual_hub, bot)
    for _ in range(3):
        manual_hub.tick()
        manual_hub.wait(minutes=15)
    assert read(manual_hub, path) == (200, PNG)
    assert len(manual_hub.provider.to("/file/")) == 1


def test_a_message_without_files_orders_no_copy(manual_hub: ManualHub, bot: str) -> None:
    manual_hub.writes(bot, "hello")
    assert _copies(manual_hub) == []


def test_the_same_file_twice_is_kept_once(manual_hub: ManualHub, bot: str) -> None:
    gives(manual_hub)
    paths = [sends_picture(manual_hub, bot, file_id) for file_id in ("F", "G")]
    manual_hub.tick()
    [content] = manual_hub.documents("stored_contents")
    assert (content["references"], content["size"]) == (2, len(PNG))
    assert [usage["size"] for usage in manual_hub.documents("file_usage")] == [len(PNG)]
    assert [read(manual_hub, path) for path in paths] == [(200, PNG)] * 2


def test_a_provider_that_is_down_is_asked_again_with_growing_pauses(manual_hub: ManualHub, bot: str) -> None:
    _loses(manual_hub)
    path = sends_picture(manual_hub, bot)
    pauses: list[timedelta] = []
    for _ in range(4):
        manual_hub.tick()
        [copy] = _copies(manual_hub)
        pauses.append(copy["due_at"] - manual_hub.deps.now())
        manual_hub.overlaps.clock.advance(seconds=pauses[-1].total_seconds() + 1)
    assert [round(pause / timedelta(minutes=1)) for pause in pauses] == [2, 4, 8, 16]
    assert copy["error"]
    gives(manual_hub)
    manual_hub.tick()
    _loses(manual_hub)
    assert read(manual_hub, path) == (200, PNG)


def test_a_file_that_never_comes_is_noted_and_left_alone(manual_hub: ManualHub, bot: str) -> None:
    _loses(manual_hub)
    sends_picture(manual_hub, bot)
    for _ in range(MAX_ATTEMPTS + 2):
        manual_hub.tick()
        manual_hub.wait(hours=7)
    [copy] = _copies(manual_hub)
    assert (copy["state"], copy["due_at"], copy["attempts"]) == ("failed", None, MAX_ATTEMPTS)
    assert "wrong file_id" in copy["error"]
    assert len(manual_hub.provider.to("/getFile")) == MAX_ATTEMPTS


def test_a_copy_whose_process_died_is_made_by_another(manual_hub: ManualHub, bot: str) -> None:
    gives(manual_hub)
    path = sends_picture(manual_hub, bot)
    manual_hub.overlaps.store.before_commit("stored_contents", _die)
    with pytest.raises(KeyboardInterrupt):
        manual_hub.tick()
    manual_hub.tick()
    assert _copies(manual_hub)[0]["state"] == "pending", "nobody knows yet that it died"
    manual_hub.wait(minutes=11)
    manual_hub.tick()
    _loses(manual_hub)
    assert read(manual_hub, path) == (200, PNG)


def _die() -> None:
    raise KeyboardInterrupt


def test_what_is_too_large_is_not_kept(manual_hub: ManualHub, bot: str) -> None:
    hub = _with_settings(manual_hub, file_limit_mb=1)
    gives(hub, b"x" * (MEGABYTE + 1))
    sends_picture(hub, bot)
    sends_picture(hub, bot, file_id="G", file_size=MEGABYTE + 1)
    hub.tick()
    assert [copy["state"] for copy in _copies(hub)] == ["failed", "failed"]
    assert len(hub.provider.to("/file/")) == 1, "one said itself how large it is"


def test_a_tenant_keeps_no_more_than_its_share(manual_hub: ManualHub, bot: str) -> None:
    hub = _with_settings(manual_hub, files_per_tenant_mb=1)
    gives(hub, b"x" * MEGABYTE)
    sends_picture(hub, bot)
    hub.tick()
    sends_picture(hub, bot, file_id="G")
    hub.tick()
    assert sorted(copy["state"] for copy in _copies(hub)) == ["failed", "stored"]
    assert any("FILES_PER_TENANT_MB" in (copy["error"] or "") for copy in _copies(hub))


def test_nothing_is_kept_where_the_share_is_nothing(manual_hub: ManualHub, bot: str) -> None:
    hub = _with_settings(manual_hub, files_per_tenant_mb=0)
    gives(hub)
    path = sends_picture(hub, bot)
    hub.tick()
    assert _copies(hub) == []
    assert read(hub, path) == (200, PNG)


def test_a_deleted_message_has_no_file_to_copy(manual_hub: ManualHub, bot: str) -> None:
    gives(manual_hub)
    sends_picture(manual_hub, bot)
    message_id = manual_hub.messages()[-1].id
    manual_hub.store.commit([Merge(Ref("messages", message_id), {"deleted_at": manual_hub.deps.now()})])
    manual_hub.tick()
    assert _copies(manual_hub)[0]["state"] == "failed"
    assert manual_hub.provider.to("/file/") == []


def test_an_edit_that_puts_another_file_there_has_that_one_copied(manual_hub: ManualHub, bot: str) -> None:
    gives(manual_hub)
    path = sends_picture(manual_hub, bot)
    manual_hub.tick()
    update = manual_hub.update(5, "")
    message = manual_hub.messages()[-1]
    edited = update.pop("message")
    del edited["text"]
    edited["message_id"] = int(str(message.external_message_id).rpartition(":")[2])
    edited["edit_date"] = edited["date"] + 60
    edited["document"] = {"file_id": "G", "file_unique_id": "G", "file_name": "dog.png"}
    gives(manual_hub, PNG + b"dog")
    manual_hub.deliver_update(bot, update | {"edited_message": edited})
    manual_hub.work(Topic.INBOUND)
    manual_hub.tick()
    _loses(manual_hub)
    assert read(manual_hub, path) == (200, PNG + b"dog")


def test_one_tenants_many_files_do_not_take_all_turns(manual_hub: ManualHub, bot: str) -> None:
    gives(manual_hub)
    for number in range(MAX_OF_TENANT + 1):
        sends_picture(manual_hub, bot, file_id=f"F{number}")
    manual_hub.tick()
    assert [copy["state"] for copy in _copies(manual_hub)].count("pending") == 1
    manual_hub.wait(minutes=1)
    manual_hub.tick()
    assert {copy["state"] for copy in _copies(manual_hub)} == {"stored"}


def _with_settings(hub: ManualHub, **settings: Any) -> ManualHub:
    """The same hub, with other settings."""
    deps = replace(hub.deps, settings=hub.deps.settings.model_copy(update=settings))
    return replace(hub, deps=deps)


def test_no_pause_is_longer_than_six_hours(manual_hub: ManualHub, bot: str) -> None:
    _loses(manual_hub)
    sends_picture(manual_hub, bot)
    pauses = []
    for _ in range(MAX_ATTEMPTS - 1):
        manual_hub.tick()
        pauses.append(_copies(manual_hub)[0]["due_at"] - manual_hub.deps.now())
        manual_hub.wait(hours=7)
    assert [round(pause / timedelta(minutes=1)) for pause in pauses] == [2, 4, 8, 16, 32, 64, 128, 256, 360]


def test_a_failure_that_is_noted_late_undoes_no_copy(manual_hub: ManualHub, bot: str) -> None:
    path = sends_picture(manual_hub, bot)
    _loses(manual_hub)

    def copied_by_another() -> None:
        gives(manual_hub)
        [copy] = _copies(manual_hub)
        file_copying.copy_file(manual_hub.deps, copy["tenant_id"], copy["id"])

    manual_hub.provider.on("POST", "/getFile", _then(copied_by_another, GONE), times=1)
    manual_hub.tick()
    assert [(copy["state"], copy["error"], copy["due_at"]) for copy in _copies(manual_hub)] == [("stored", None, None)]
    assert read(manual_hub, path) == (200, PNG)


def _then(happens: Callable[[], None], reply: Reply) -> Callable[[Received], Reply]:
    def answer(_: Received) -> Reply:
        happens()
        return reply

    return answer


def _orders(hub: ManualHub) -> int:
    """How many copies were handed out since the last look."""
    return sum(getattr(event, "file_copy_id", None) is not None for event in hub.new_events(Topic.OUTBOUND))


def test_of_two_sweeps_at_once_one_hands_a_copy_out(manual_hub: ManualHub, bot: str) -> None:
    sends_picture(manual_hub, bot)
    manual_hub.wait(minutes=2)
    _orders(manual_hub)
    counts: list[int] = []
    manual_hub.overlaps.store.before_commit(
        "file_copies", lambda: counts.append(file_copying.hand_out_due(manual_hub.deps))
    )
    counts.append(file_copying.hand_out_due(manual_hub.deps))
    assert (counts, _orders(manual_hub)) == ([1, 0], 1)
    assert file_copying.hand_out_due(manual_hub.deps) == 0, "whoever has it has ten minutes"
    assert _copies(manual_hub)[0]["attempts"] == 1


def test_a_copy_at_which_every_process_died_is_given_up(manual_hub: ManualHub, bot: str) -> None:
    gives(manual_hub)
    sends_picture(manual_hub, bot)
    for _ in range(MAX_ATTEMPTS):
        manual_hub.wait(minutes=11)
        assert file_copying.hand_out_due(manual_hub.deps) == 1
    manual_hub.wait(minutes=11)
    _orders(manual_hub)
    file_copying.hand_out_due(manual_hub.deps)
    [copy] = _copies(manual_hub)
    assert (copy["state"], copy["error"]) == ("failed", "every process that tried has died")
    assert (copy["due_at"], _orders(manual_hub)) == (None, 0)


def test_a_file_that_is_given_up_while_it_is_fetched_is_not_kept(manual_hub: ManualHub, bot: str) -> None:
    sends_picture(manual_hub, bot)
    gives(manual_hub)
    [copy] = _copies(manual_hub)
    give_up = Merge(Ref("file_copies", copy["id"]), {"state": "failed", "due_at": None})
    content = Reply(content=PNG, headers={"content-type": "image/png"})
    manual_hub.provider.on("GET", "/file/", _then(lambda: manual_hub.store.commit([give_up]), content), times=1)
    manual_hub.tick()
    assert [(each["state"], each["sha256"]) for each in _copies(manual_hub)] == [("failed", None)]
    assert manual_hub.documents("stored_contents") == []
