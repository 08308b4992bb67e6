"""An account that logs in again while its former connection is still held: the former one has no effect."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from shared.channels.telegram_user.connection import line_of as held_line
from shared.deps import Deps
from shared.ports.store import Ref
from tests.channels.telegram_user.telegram import FakeLine, Telegram, update
from tests.eventually import eventually
from tests.infra.sessions.steps import Start, line_of, log_in_anew, logged_in, status_of
from tests.overlaps import overlaps
from tests.pipeline.hub import Hub


def auth_of(hub: Hub, channel: str) -> dict[str, Any]:
    ref = Ref("channel_auth", channel)
    return hub.store.get([ref])[ref].data


def renewed_twice(hub: Hub, channel: str) -> None:
    """Wait until the process has finished its earlier work."""
    for _ in range(2):
        until: datetime = auth_of(hub, channel)["lease_expires_at"]
        eventually(lambda until=until: auth_of(hub, channel)["lease_expires_at"] > until)  # type: ignore[misc]  # bound


@pytest.fixture
def relogin(hub: Hub, telegram: Telegram, start: Start, deps: Deps) -> tuple[Deps, str, FakeLine, FakeLine]:
    """A process that took a new login right after it renewed the former one; its channel and both connections."""
    channel = logged_in(hub)
    process, _ = start()
    former = line_of(telegram)
    overlaps(deps).store.after_commit(Ref("channel_auth", channel), lambda: log_in_anew(hub, channel))
    eventually(lambda: len(telegram.lines) == 2)
    assert overlaps(deps).all_happened
    present = telegram.lines[1]
    eventually(lambda: held_line(process, channel) is present)
    return process, channel, former, present


def test_the_former_line_is_closed_and_the_present_one_is_sent_over(
    hub: Hub, telegram: Telegram, relogin: tuple[Deps, str, FakeLine, FakeLine]
) -> None:
    _, _, former, present = relogin
    assert (former.open, present.open) == (False, True)
    assert former.session != present.session
    present.bring(update(1, "Hello"))
    conversation = hub.conversation()
    hub.post("/api/messages/send", {"conversationId": conversation.id, "text": "Hi there"}, 202)
    eventually(hub.idle)
    assert [post.text for post in telegram.sent] == ["Hi there"]


@pytest.mark.parametrize("session_ended", [False, True])
def test_the_end_of_the_former_line_ends_nothing(
    hub: Hub, telegram: Telegram, relogin: tuple[Deps, str, FakeLine, FakeLine], session_ended: bool
) -> None:
    process, channel, former, present = relogin
    former.listener.on_end(session_ended, "it ended late; log in again")
    renewed_twice(hub, channel)
    assert telegram.open_lines() == [present]
    assert held_line(process, channel) is present
    assert status_of(hub, channel) == "CONNECTED"
    assert auth_of(hub, channel)["state"] == "connected"
    assert hub.documents("notifications", tenant_id=hub.tenant_id) == []


def test_the_present_line_begins_where_its_own_login_does(
    hub: Hub, telegram: Telegram, start: Start, deps: Deps
) -> None:
    channel = logged_in(hub)
    start()
    line_of(telegram).at = {"0": {"pts": 41}}
    eventually(lambda: auth_of(hub, channel)["position"])
    overlaps(deps).store.after_commit(Ref("channel_auth", channel), lambda: log_in_anew(hub, channel))
    eventually(lambda: len(telegram.lines) == 2)
    assert telegram.lines[1].began_at is None


def test_a_session_that_ends_just_when_the_account_is_logged_in_anew_disconnects_nothing(
    hub: Hub, telegram: Telegram, start: Start, deps: Deps
) -> None:
    channel = logged_in(hub)
    process, sessions = start(interval=3600.0)
    line = line_of(telegram)
    eventually(lambda: held_line(process, channel))
    overlaps(deps).store.before_commit(Ref("channel_auth", channel), lambda: log_in_anew(hub, channel))
    line.end(final=True)
    eventually(lambda: overlaps(deps).all_happened)
    sessions.stop()
    assert status_of(hub, channel) == "CONNECTED"
    assert hub.documents("notifications", tenant_id=hub.tenant_id) == []
    start("two")
    assert line_of(telegram).session != line.session
