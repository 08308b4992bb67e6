"""The operator's scanner sees every file before anybody gets it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from tests.pipeline.manual_hub import ManualHub, seen_from
from tests.pipeline.test_file_copies import PNG, gives, read, sends_picture
from tests.stubs import Reply

CLEAN, INFECTED = Reply(json={"verdict": "clean"}), Reply(json={"verdict": "infected", "reason": "Eicar-Test"})


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return _with_scanner(manual_hub)


def _with_scanner(hub: ManualHub) -> ManualHub:
    """The hub with a scanner that finds nothing, and a Telegram that has the file."""
    gives(hub)
    hub.provider.on("POST", "/scan", CLEAN)
    return _with_settings(hub, media_scan_url=f"{hub.provider.url}/scan")


def _with_settings(hub: ManualHub, **settings: Any) -> ManualHub:
    return seen_from(hub, replace(hub.deps, settings=hub.deps.settings.model_copy(update=settings)))


def _unavailable(hub: ManualHub) -> Any:
    [conversation] = hub.get("/api/conversations")["conversations"]
    [message] = hub.get(f"/api/conversations/{conversation['id']}/messages")["messages"]
    [attachment] = message["attachments"]
    assert attachment["fileName"] == "cat.png"
    return attachment.get("unavailable")


def test_nobody_gets_a_file_that_was_not_checked(hub: ManualHub, bot: str) -> None:
    path = sends_picture(hub, bot)
    assert _unavailable(hub) == "being checked"
    assert read(hub, path)[0] == 409
    assert hub.provider.to("/file/") == [], "not even from the provider"
    hub.tick()
    assert _unavailable(hub) is None
    assert read(hub, path) == (200, PNG)
    [check] = hub.provider.to("/scan")
    assert (check.body, check.headers["x-file-name"]) == (PNG, "cat.png")


def test_a_file_is_checked_right_after_it_came(hub: ManualHub, bot: str) -> None:
    path = sends_picture(hub, bot)
    hub.work()
    assert (_unavailable(hub), read(hub, path)) == (None, (200, PNG))
    for _ in range(2):
        hub.tick()
        hub.wait(minutes=2)
    assert len(hub.provider.to("/scan")) == 1


def test_an_infected_file_is_not_kept_and_its_message_says_why(hub: ManualHub, bot: str) -> None:
    hub.provider.on("POST", "/scan", INFECTED)
    path = sends_picture(hub, bot)
    hub.tick()
    assert _unavailable(hub) == "infected: Eicar-Test"
    status, body = read(hub, path)
    assert (status, b"Eicar-Test" in body) == (404, True)
    assert hub.documents("stored_contents") == []


def test_a_file_that_nobody_gets_is_not_passed_on(hub: ManualHub, bot: str) -> None:
    sends_picture(hub, bot)
    [message] = hub.messages()
    forward = {"channelInstanceId": bot, "externalUserId": "6", "forwardOf": message.id}
    assert "being checked" in str(hub.post("/api/messages/send", forward, 422))
    hub.provider.on("POST", "/scan", INFECTED)
    hub.tick()
    assert "Eicar-Test" in str(hub.post("/api/messages/send", forward, 422))


@pytest.mark.parametrize(
    "answer",
    [Reply(503), Reply(404), Reply(drop=True), Reply(text="fine"), Reply(json=[]), Reply(json={"verdict": "maybe"})],
)
def test_without_a_verdict_a_file_is_kept_and_checked_again(hub: ManualHub, bot: str, answer: Reply) -> None:
    hub.provider.on("POST", "/scan", answer)
    path = sends_picture(hub, bot)
    for _ in range(12):
        hub.tick()
        hub.wait(minutes=10)
    assert (_unavailable(hub), read(hub, path)[0]) == ("being checked", 409)
    assert len(hub.provider.to("/scan")) == 12
    assert len(hub.provider.to("/file/")) == 1, "the provider may not have it for so long"
    hub.provider.on("POST", "/scan", CLEAN)
    hub.tick()
    assert (_unavailable(hub), read(hub, path)) == (None, (200, PNG))


def test_an_infection_that_is_told_late_ends_what_was_kept(hub: ManualHub, bot: str) -> None:
    hub.provider.on("POST", "/scan", Reply(503))
    path = sends_picture(hub, bot)
    hub.tick()
    hub.provider.on("POST", "/scan", INFECTED)
    hub.wait(minutes=10)
    hub.tick()
    assert (_unavailable(hub), read(hub, path)[0]) == ("infected: Eicar-Test", 404)
    assert hub.documents("stored_contents") == []


def test_a_file_that_never_came_is_not_given_unchecked(hub: ManualHub, bot: str) -> None:
    hub.provider.on("POST", "/getFile", Reply(400, json={"ok": False, "description": "Bad Request"}))
    path = sends_picture(hub, bot)
    for _ in range(12):
        hub.tick()
        hub.wait(hours=7)
    gives(hub)
    assert "not checked" in _unavailable(hub)
    assert read(hub, path)[0] == 404


def test_a_file_from_before_the_scanner_is_checked_when_somebody_asks_for_it(manual_hub: ManualHub, bot: str) -> None:
    gives(manual_hub)
    without = _with_settings(manual_hub, files_per_tenant_mb=0)
    path = sends_picture(without, bot)
    assert read(without, path)[0] == 200
    hub = _with_scanner(manual_hub)
    assert read(hub, path)[0] == 409
    hub.tick()
    assert read(hub, path) == (200, PNG)


def test_a_checked_file_that_the_hub_has_lost_is_not_fetched_unchecked(hub: ManualHub, bot: str) -> None:
    path = sends_picture(hub, bot)
    hub.tick()
    assert hub.deps.files is not None
    hub.deps.files.delete(hub.tenant_id, hashlib.sha256(PNG).hexdigest())
    assert read(hub, path)[0] == 404
    assert len(hub.provider.to("/file/")) == 1, "for the copy"


def test_a_scanner_that_is_down_for_hours_is_asked_every_five_minutes(hub: ManualHub, bot: str) -> None:
    hub.provider.on("POST", "/scan", Reply(503))
    sends_picture(hub, bot)
    pauses = []
    for _ in range(12):
        hub.tick()
        [copy] = hub.documents("file_copies")
        pauses.append(round((copy["due_at"] - hub.deps.now()).total_seconds() / 60))
        hub.wait(minutes=6)
    assert (copy["state"], pauses[0], max(pauses), pauses[-1]) == ("checking", 5, 5, 5), pauses


def test_a_file_that_was_lost_before_it_was_checked_is_not_given(hub: ManualHub, bot: str) -> None:
    hub.provider.on("POST", "/scan", Reply(503))
    path = sends_picture(hub, bot)
    hub.tick()
    assert hub.deps.files is not None
    hub.deps.files.delete(hub.tenant_id, hub.documents("file_copies")[0]["sha256"])
    hub.provider.on("POST", "/scan", CLEAN)
    hub.wait(minutes=10)
    hub.tick()
    assert "no longer has this file" in _unavailable(hub)
    assert (hub.documents("file_copies")[0]["state"], read(hub, path)[0]) == ("failed", 404)
