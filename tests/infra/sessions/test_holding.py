"""Accounts held by lease: by one process at a time, taken over after a crash, given up when they are ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from infra.sockets.sessions import connections_of, watching
from shared.channel.connection import WAKE
from shared.channels.telegram_user.connection import line_of as held_line
from shared.channels.telegram_user.gateway import PROVIDER
from shared.deps import Deps
from shared.domain.events import RealtimeEvent
from shared.errors import ProviderUnavailable
from shared.ports.store import Merge, Ref
from tests.channels.telegram_user.telegram import Telegram, update
from tests.eventually import eventually
from tests.infra.sessions.steps import PHONE, Clock, Start, line_of, logged_in, status_of
from tests.pipeline.hub import Hub


def test_two_processes_never_hold_one_session(hub: Hub, telegram: Telegram, start: Start) -> None:
    for number in range(6):
        phone = f"+49170123456{number}"
        telegram.add(phone, user_id=100 + number)
        logged_in(hub, phone)
    for owner in ("one", "two", "three"):
        start(owner)
    eventually(lambda: len(telegram.open_lines()) == 6)
    for _ in range(20):
        assert len({line.session for line in telegram.open_lines()}) == len(telegram.open_lines())
    assert not telegram.opened_twice


def test_a_process_holds_only_as_many_as_it_may(hub: Hub, telegram: Telegram, start: Start) -> None:
    for number in range(3):
        phone = f"+49170123456{number}"
        telegram.add(phone, user_id=100 + number)
        logged_in(hub, phone)
    start("one", capacity={"telegram_user": 2})
    eventually(lambda: len(telegram.open_lines()) == 2)
    start("two", capacity={"telegram_user": 2})
    eventually(lambda: len(telegram.open_lines()) == 3)


def _dies(hub: Hub, clock: Clock) -> None:
    """What is left of a killed process: a lease in its name that nobody renews."""
    (document,) = hub.store.find("channel_auth").documents
    writes = {"lease_owner": "the-dead", "lease_expires_at": clock() + timedelta(seconds=60)}
    hub.store.commit([Merge(document.ref, writes)])


def test_after_a_crash_another_takes_over_once_the_lease_has_ended_and_goes_on_where_it_was(
    hub: Hub, telegram: Telegram, start: Start, clock: Clock
) -> None:
    channel = logged_in(hub)
    _, first = start("first")
    line_of(telegram).at = {"0": {"pts": 41, "qts": 0, "date": 1, "seq": 1}}
    ref = Ref("channel_auth", channel)
    eventually(lambda: hub.store.get([ref])[ref].data["position"])
    _dies(hub, clock)
    first.stop()
    start("second")
    assert telegram.open_lines() == []
    clock.ahead += timedelta(seconds=61)
    line = line_of(telegram)
    assert line.began_at == {"0": {"pts": 41, "qts": 0, "date": 1, "seq": 1}}
    line.bring(update(1, "Is anybody there?"))
    assert hub.conversation().instance_id == channel


def test_a_stopped_process_leaves_its_sessions_to_others_at_once(hub: Hub, telegram: Telegram, start: Start) -> None:
    logged_in(hub)
    _, sessions = start("first")
    line_of(telegram).at = {"0": {"pts": 7}}
    sessions.stop()
    start("second")
    assert line_of(telegram).began_at == {"0": {"pts": 7}}
    assert not telegram.opened_twice


def test_a_process_that_stops_has_the_others_look_at_once(hub: Hub, telegram: Telegram, start: Start) -> None:
    channel = logged_in(hub)
    _, sessions = start("first")
    line_of(telegram)
    second, _ = start("second", interval=3600.0)
    sessions.stop()
    eventually(lambda: held_line(second, channel))
    assert not telegram.opened_twice


def test_a_session_that_was_ended_in_telegram_disconnects_the_channel_with_a_notification(
    hub: Hub, telegram: Telegram, start: Start
) -> None:
    channel = logged_in(hub)
    secret = hub.documents("channel_auth")[0]["secret"]
    start()
    line_of(telegram).end(final=True)
    eventually(lambda: status_of(hub, channel) == "DISCONNECTED")
    (notification,) = hub.documents("notifications", tenant_id=hub.tenant_id)
    assert "log in again" in notification["message"]
    assert hub.deps.secrets.read(secret) == {}
    hub.post("/api/telegram/user/start", {"channelInstanceId": channel, "phone": PHONE})
    hub.post("/api/telegram/user/confirm", {"channelInstanceId": channel, "code": "12345"})
    assert line_of(telegram).open
    assert status_of(hub, channel) == "CONNECTED"


def test_a_session_that_telegram_does_not_know_when_it_is_opened_is_ended_too(
    hub: Hub, telegram: Telegram, start: Start
) -> None:
    channel = logged_in(hub)
    telegram.sessions.clear()
    start()
    eventually(lambda: status_of(hub, channel) == "DISCONNECTED")
    assert len(hub.documents("notifications", tenant_id=hub.tenant_id)) == 1


def test_logging_out_closes_the_line_without_a_notification(hub: Hub, telegram: Telegram, start: Start) -> None:
    channel = logged_in(hub)
    start()
    line = line_of(telegram)
    hub.post("/api/telegram/user/logout", {"channelInstanceId": channel})
    line.listener.on_end(True, "Telegram closed it first")
    eventually(lambda: not telegram.open_lines())
    assert status_of(hub, channel) == "DISCONNECTED"
    assert hub.documents("notifications", tenant_id=hub.tenant_id) == []


def test_a_line_that_breaks_is_opened_anew(hub: Hub, telegram: Telegram, start: Start) -> None:
    channel = logged_in(hub)
    start()
    line_of(telegram).end(final=False)
    eventually(lambda: len(telegram.lines) == 2)
    assert line_of(telegram).open
    assert status_of(hub, channel) == "CONNECTED"


def test_while_telegram_does_not_answer_the_session_is_tried_again_after_a_pause(
    hub: Hub, telegram: Telegram, start: Start, clock: Clock
) -> None:
    channel = logged_in(hub)
    telegram.down = True
    start()
    ref = Ref("channel_auth", channel)
    eventually(lambda: hub.store.get([ref])[ref].data["lease_expires_at"] > clock())
    eventually(lambda: hub.store.get([ref])[ref].data["lease_owner"] is None)
    telegram.down = False
    clock.ahead += timedelta(seconds=31)
    assert line_of(telegram).open


@pytest.mark.parametrize(("retry_after", "pause"), [(None, 30), (300.0, 300)])
def test_a_session_that_cannot_be_opened_is_left_alone_for_as_long_as_the_provider_says(
    hub: Hub, telegram: Telegram, start: Start, clock: Clock, retry_after: float | None, pause: int
) -> None:
    channel = logged_in(hub)
    telegram.refusals.append(ProviderUnavailable(PROVIDER, "flooded", retry_after))
    clock.stop()
    start()
    ref = Ref("channel_auth", channel)
    eventually(lambda: not telegram.refusals and hub.store.get([ref])[ref].data["lease_owner"] is None)
    assert hub.store.get([ref])[ref].data["lease_expires_at"] == clock() + timedelta(seconds=pause)
    assert telegram.lines == []
    clock.ahead += timedelta(seconds=pause + 1)
    assert line_of(telegram).open


def test_a_line_that_breaks_is_opened_anew_before_the_next_look_at_the_leases(
    hub: Hub, telegram: Telegram, start: Start
) -> None:
    channel = logged_in(hub)
    process, _ = start(interval=3600.0)
    line = line_of(telegram)
    eventually(lambda: held_line(process, channel))
    line.end(final=False)
    assert line_of(telegram) is not line


def test_without_the_settings_no_telegram_accounts_are_held(deps: Deps) -> None:
    bare = replace(deps, settings=deps.settings.model_copy(update={"telegram_api_id": None}))
    assert list(connections_of(bare)) == ["discord"]
    assert list(connections_of(deps)) == ["telegram_user", "discord"]


def test_clients_are_told_everything_but_what_is_for_a_line(deps: Deps, start: Start) -> None:
    seen: list[RealtimeEvent] = []
    consume = watching(start()[1], seen.append)
    consume(RealtimeEvent(tenant_id="t", room="r", name=WAKE, payload={}))
    consume(RealtimeEvent(tenant_id="t", room="r", name="channel-status", payload={}))
    assert [event.name for event in seen] == ["channel-status"]
