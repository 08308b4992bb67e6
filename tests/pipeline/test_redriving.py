"""A dead message that is sent again starts over, with no earlier attempts counted."""

from __future__ import annotations

from typing import Any

import pytest

from shared.usecases.delivery.settling import MAX_ATTEMPTS
from tests.overlaps import overlaps
from tests.pipeline.hub import Hub
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.sending import SEND, accepted, fate, work
from tests.stubs import Reply

REJECTED = Reply(403, {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"})
UNAVAILABLE = Reply(503, {"ok": False, "error_code": 503, "description": "later"})


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


def dead(hub: Hub, reply: Reply = REJECTED) -> tuple[str, str]:
    """A message that the provider answers like this until it is dead, and its conversation."""
    message, conversation = accepted(hub, hub.telegram())
    hub.provider.on("POST", SEND, reply, times=MAX_ATTEMPTS if reply is UNAVAILABLE else 1)
    while fate(hub, message) != "DEAD":
        work(hub, conversation)
        overlaps(hub.deps).clock.advance(seconds=1)
    return message, conversation


def redrive(hub: Hub, message: str, status: int = 202) -> Any:
    return hub.post(f"/api/outbox/{message}/redrive", {}, status)


def test_its_tries_are_counted_anew(hub: Hub) -> None:
    message, conversation = dead(hub, UNAVAILABLE)
    assert hub.documents("outbox", id=message)[0]["reason"] == "retries_exhausted"
    redrive(hub, message)
    hub.provider.on("POST", SEND, UNAVAILABLE, times=1)
    work(hub, conversation)
    assert fate(hub, message) == "FAILED"
    overlaps(hub.deps).clock.advance(seconds=1)
    work(hub, conversation)
    assert (fate(hub, message), hub.documents("outbox", id=message)[0]["attempts"]) == ("SENT", 2)


def test_it_is_not_shown_as_dead_any_more(hub: Hub) -> None:
    message, conversation = dead(hub)
    assert "blocked" in hub.documents("messages", id=message)[0]["error"]
    redrive(hub, message)
    [item], [stored] = hub.documents("outbox", id=message), hub.documents("messages", id=message)
    assert (item["status"], item["reason"], item["error"], item["open"]) == ("PENDING", None, None, True)
    assert (stored["status"], stored["error"]) == ("pending", None)
    assert hub.get("/api/outbox?status=DEAD")["items"] == []
    work(hub, conversation)
    [stored] = hub.documents("messages", id=message)
    assert (stored["status"], stored["error"]) == ("sent", None)


def test_that_it_died_again_is_told_again(hub: Hub) -> None:
    message, conversation = dead(hub)
    for deaths in (2, 3):
        redrive(hub, message)
        hub.provider.on("POST", SEND, REJECTED, times=1)
        work(hub, conversation)
        assert fate(hub, message) == "DEAD"
        assert len(hub.documents("notifications", type="message_dead")) == deaths


def test_it_goes_before_what_was_accepted_after_it(hub: Hub) -> None:
    message, conversation = dead(hub)
    accepted(hub, hub.documents("outbox", id=message)[0]["instance_id"], "later")
    redrive(hub, message)
    work(hub, conversation)
    assert hub.sent_texts() == ["hello", "hello", "later"]


@pytest.mark.parametrize("state", ["PENDING", "FAILED", "SENT"])
def test_only_a_dead_message_is_sent_again(hub: Hub, state: str) -> None:
    message, conversation = accepted(hub, hub.telegram())
    if state == "FAILED":
        hub.provider.on("POST", SEND, UNAVAILABLE, times=1)
    if state != "PENDING":
        work(hub, conversation)
    assert fate(hub, message) == state
    redrive(hub, message, 409)
    assert fate(hub, message) == state
    overlaps(hub.deps).clock.advance(seconds=1)
    work(hub, conversation)
    assert len(hub.sent_texts()) == (2 if state == "FAILED" else 1)


def test_another_tenants_message_is_not_there(hub: Hub) -> None:
    message, _ = dead(hub)
    hub.register("stranger@example.com")
    redrive(hub, message, 404)
    assert fate(hub, message) == "DEAD"
