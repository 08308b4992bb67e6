"""What a message shows after a try failed, and when a later one has succeeded."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Reply

SEND = "/sendMessage"
BUSY = Reply(503, {"ok": False, "error_code": 503, "description": "Service Unavailable"})
BLOCKED = Reply(403, {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"})
LOST = Reply(drop=True)


def _status_and_error(hub: ManualHub, session: str) -> tuple[str, str | None]:
    """The status and the error of the message that was sent."""
    message = hub.get(f"/api/conversations/{session}/messages")["messages"][-1]
    return message["status"], message["error"]


def _entry(hub: ManualHub, status: str) -> dict[str, Any]:
    [entry] = hub.get(f"/api/outbox?status={status}")["items"]
    return {name: entry[name] for name in ("reason", "error", "attempts", "nextRetryAt")}


SENT = {"reason": None, "error": None, "nextRetryAt": None}


def _tries_again(hub: ManualHub) -> None:
    hub.overlaps.clock.advance(seconds=1)
    hub.work()


def test_a_message_that_is_sent_at_the_second_try_shows_no_error_any_more(manual_hub: ManualHub, session: str) -> None:
    manual_hub.provider.on("POST", SEND, BUSY, times=1)
    manual_hub.say(session, "hello")
    manual_hub.work()
    status, error = _status_and_error(manual_hub, session)
    assert (status, "Unavailable" in str(error)) == ("failed", True)
    failed = _entry(manual_hub, "FAILED")
    assert (failed["reason"], failed["error"], failed["attempts"]) == ("unavailable", error, 1)
    assert failed["nextRetryAt"] is not None
    _tries_again(manual_hub)
    assert _status_and_error(manual_hub, session) == ("sent", None)
    assert _entry(manual_hub, "SENT") == SENT | {"attempts": 2}


def test_a_message_that_is_refused_at_the_second_try_shows_the_refusal(manual_hub: ManualHub, session: str) -> None:
    manual_hub.provider.on("POST", SEND, BLOCKED, times=1)
    manual_hub.provider.on("POST", SEND, BUSY, times=1)
    manual_hub.say(session, "hello")
    manual_hub.work()
    _tries_again(manual_hub)
    status, error = _status_and_error(manual_hub, session)
    assert (status, "blocked" in str(error), "Unavailable" in str(error)) == ("dead", True, False)
    dead = _entry(manual_hub, "DEAD")
    assert (dead["reason"], dead["attempts"], dead["nextRetryAt"]) == ("rejected", 2, None)


@pytest.mark.parametrize("failure", [BLOCKED, LOST], ids=["refused", "unknown"])
def test_a_dead_message_that_is_sent_again_shows_no_error_any_more(
    manual_hub: ManualHub, session: str, failure: Reply
) -> None:
    manual_hub.provider.on("POST", SEND, failure, times=1)
    message_id = manual_hub.say(session, "hello")["message"]["id"]
    manual_hub.work()
    assert _status_and_error(manual_hub, session)[0] == "dead"
    assert _entry(manual_hub, "DEAD")["error"]
    manual_hub.post(f"/api/outbox/{message_id}/redrive", {}, 202)
    assert _status_and_error(manual_hub, session) == ("pending", None)
    assert _entry(manual_hub, "PENDING") == SENT | {"attempts": 0}
    manual_hub.work()
    assert _status_and_error(manual_hub, session) == ("sent", None)
    assert _entry(manual_hub, "SENT") == SENT | {"attempts": 1}


def test_a_message_that_two_people_send_again_at_once_is_sent_once_more(manual_hub: ManualHub, session: str) -> None:
    manual_hub.provider.on("POST", SEND, BLOCKED, times=1)
    path = f"/api/outbox/{manual_hub.say(session, 'hello')['message']['id']}/redrive"
    manual_hub.work()
    manual_hub.overlaps.store.before_commit("outbox", lambda: manual_hub.post(path, {}, 202))
    manual_hub.post(path, {}, 409)
    manual_hub.work()
    assert manual_hub.sent_texts() == ["hello", "hello"]


def test_what_a_message_waits_for_holds_back_the_next_one_and_leaves_no_error_on_it(
    manual_hub: ManualHub, session: str
) -> None:
    manual_hub.provider.on("POST", SEND, BUSY, times=1)
    for text in ("first", "second"):
        manual_hub.say(session, text)
    manual_hub.work()
    assert manual_hub.sent_texts() == ["first"]
    assert _status_and_error(manual_hub, session) == ("pending", None)
    _tries_again(manual_hub)
    assert manual_hub.sent_texts() == ["first", "first", "second"]
    assert _status_and_error(manual_hub, session) == ("sent", None)
