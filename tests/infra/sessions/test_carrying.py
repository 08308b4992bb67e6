"""What goes over an account's line: updates in, answers out, whoever has them to send."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.messages import Direction, MessageStatus
from shared.errors import StoreError
from shared.ports.bus import Bus
from shared.usecases.sweep import sweep
from tests.channels.telegram_user.telegram import Telegram, update
from tests.eventually import eventually
from tests.infra.sessions.steps import Clock, Start, line_of, logged_in, status_of
from tests.pipeline.hub import Hub


def test_what_comes_over_a_line_becomes_a_message(hub: Hub, telegram: Telegram, start: Start) -> None:
    logged_in(hub)
    start()
    line = line_of(telegram)
    line.bring(update(1, "Hello"))
    line.bring(update(1, "Hello"))
    line.bring(update(2, "I am here", out=True))
    eventually(lambda: len(hub.messages()) == 2)
    first, own = hub.messages()
    assert (first.text, first.direction, first.external_message_id) == ("Hello", Direction.INBOUND, "1")
    assert (own.text, own.direction) == ("I am here", Direction.OUTBOUND)
    line.bring({"edited": update(1, "Hello!", edit_date="2026-11-21T10:01:00Z")["message"]})
    line.bring({"deleted": {"ids": [2], "at": "2026-11-21T10:02:00Z"}})
    eventually(lambda: hub.messages()[0].text == "Hello!")
    eventually(lambda: hub.messages()[1].deleted_at)


def test_an_answer_goes_out_over_the_line_that_another_process_holds(
    hub: Hub, telegram: Telegram, start: Start
) -> None:
    logged_in(hub)
    start()
    line_of(telegram).bring(update(1, "Hello"))
    conversation = hub.conversation()
    hub.post("/api/messages/send", {"conversationId": conversation.id, "text": "Hi there"}, 202)
    eventually(lambda: telegram.sent)
    eventually(hub.idle)
    (post,) = telegram.sent
    assert (post.text, post.chat, post.access_hash) == ("Hi there", 5, 9001)
    assert hub.messages(Direction.OUTBOUND)[0].status is MessageStatus.SENT
    assert not telegram.opened_twice


def test_what_was_accepted_while_nobody_held_the_session_goes_out_when_somebody_does(
    hub: Hub, telegram: Telegram, start: Start
) -> None:
    channel = logged_in(hub)
    _, sessions = start()
    line_of(telegram).bring(update(1, "Hello"))
    conversation = hub.conversation()
    sessions.stop()
    assert telegram.open_lines() == []
    hub.post("/api/messages/send", {"conversationId": conversation.id, "text": "Later"}, 202)
    assert status_of(hub, channel) == "CONNECTED"
    start("two")
    eventually(lambda: [post.text for post in telegram.sent] == ["Later"])
    eventually(hub.idle)


def test_messages_that_wait_because_nobody_holds_the_session_are_told_of_once(
    hub: Hub, telegram: Telegram, start: Start, clock: Clock
) -> None:
    logged_in(hub)
    _, sessions = start()
    line_of(telegram).bring(update(1, "Hello"))
    conversation = hub.conversation()
    sessions.stop()
    for text in ("one", "two"):
        hub.post("/api/messages/send", {"conversationId": conversation.id, "text": text}, 202)
    sweep(hub.deps)
    assert hub.documents("notifications", tenant_id=hub.tenant_id) == []
    clock.ahead += timedelta(minutes=11)
    for _ in range(2):
        sweep(hub.deps)
    (notification,) = hub.documents("notifications", tenant_id=hub.tenant_id)
    assert "no process holds" in notification["message"]
    start("two")
    eventually(hub.idle)
    assert [post.text for post in telegram.sent] == ["one", "two"]


def test_a_message_of_an_account_that_was_logged_out_fails_and_says_why(
    hub: Hub, telegram: Telegram, start: Start
) -> None:
    channel = logged_in(hub)
    start()
    line_of(telegram).bring(update(1, "Hello"))
    conversation = hub.conversation()
    hub.post("/api/telegram/user/logout", {"channelInstanceId": channel})
    eventually(lambda: not telegram.open_lines())
    hub.post("/api/messages/send", {"conversationId": conversation.id, "text": "Too late"}, 202)
    (item,) = eventually(lambda: hub.documents("outbox", status="FAILED"))
    assert "not logged in" in item["error"]


class FailingBus:
    """A bus that is away for the first few events."""

    def __init__(self, bus: Bus, times: int) -> None:
        self._bus = bus
        self._times = times

    def publish(self, *args: Any, **options: Any) -> None:
        if self._times:
            self._times -= 1
            raise StoreError("Pub/Sub did not answer")
        self._bus.publish(*args, **options)


def test_an_update_that_cannot_be_stored_is_offered_again(hub: Hub, telegram: Telegram, start: Start) -> None:
    logged_in(hub)
    start(bus=FailingBus(hub.deps.bus, times=2))
    line_of(telegram).bring(update(1, "Hello"))
    eventually(lambda: [message.text for message in hub.messages()] == ["Hello"])


def test_an_update_that_cannot_be_read_holds_up_nothing(hub: Hub, telegram: Telegram, start: Start) -> None:
    channel = logged_in(hub)
    start()
    line = line_of(telegram)
    line.bring({"message": {"id": "x", "chat": {"type": "user"}}})
    line.bring(update(1, "Hello"))
    assert hub.conversation().instance_id == channel


def test_groups_are_left_alone_where_the_config_says_so(hub: Hub, telegram: Telegram, start: Start) -> None:
    logged_in(hub, groups=False)
    start()
    group = {"id": -400, "type": "group", "title": "Family"}
    line = line_of(telegram)
    line.bring(update(1, "Private"))
    line.bring({"message": update(2, "Dinner?")["message"] | {"chat": group}})
    line.bring(update(3, "Hello"))
    eventually(lambda: len(hub.messages()) == 2)
    assert [message.text for message in hub.messages()] == ["Private", "Hello"]


@pytest.mark.parametrize("groups", [True, "addressed", "all"])
def test_groups_are_read_where_the_config_says_what_is_answered_there(
    hub: Hub, telegram: Telegram, start: Start, groups: object
) -> None:
    logged_in(hub, groups=groups)
    start()
    group = {"id": -400, "type": "group", "title": "Family"}
    line_of(telegram).bring({"message": update(1, "Dinner?")["message"] | {"chat": group}})
    eventually(lambda: [message.text for message in hub.messages()] == ["Dinner?"])
