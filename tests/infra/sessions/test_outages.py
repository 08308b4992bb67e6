"""No line is open longer than its lease, whatever else fails: of two holders the account loses its session."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.channel.connection import Listener, OpenConnection, Position
from shared.channels.telegram_user.connection import TelegramConnections
from shared.channels.telegram_user.connection import line_of as held_line
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import StoreError
from shared.ports.store import Merge, Ref, Store
from shared.usecases.instances.session_leases import LEASE
from tests.channels.telegram_user.telegram import Telegram, update
from tests.eventually import eventually
from tests.infra.sessions.steps import Clock, Start, line_of, log_in_anew, logged_in, status_of
from tests.overlaps import overlaps
from tests.pipeline.hub import Hub

MARGIN = timedelta(seconds=20)
NEARLY_OVER = LEASE - timedelta(seconds=6)
"""So long after the last renewal a line has to be closed, and nobody may have the session yet."""


@dataclass
class Outage:
    """A store that a process can reach or not."""

    store: Store
    failure: Exception | None = None
    refused: int = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.store, name)
        return self._guarded(call) if name in ("get", "find", "commit", "count") else call

    def _guarded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **options: Any) -> Any:
            if self.failure is not None:
                self.refused += 1
                raise self.failure
            return call(*arguments, **options)

        return guarded


@pytest.fixture
def outage(deps: Deps) -> Outage:
    return Outage(deps.store)


def looks_in_vain(outage: Outage, times: int = 4) -> None:
    """Wait until the process has tried so often again to reach the store."""
    before = outage.refused
    eventually(lambda: outage.refused >= before + times)


def lease(hub: Hub, channel: str) -> dict[str, Any]:
    ref = Ref("channel_auth", channel)
    return hub.store.get([ref])[ref].data


def renewed(hub: Hub, channel: str) -> datetime:
    """Wait for the next renewal; returns how long it is good for."""
    before = lease(hub, channel)["lease_expires_at"]
    eventually(lambda: lease(hub, channel)["lease_expires_at"] > before)
    until: datetime = lease(hub, channel)["lease_expires_at"]
    return until


@pytest.mark.parametrize("failure", [StoreError("it is down"), KeyError("not foreseen")])
def test_a_line_is_closed_before_its_lease_ends_while_the_store_is_down(
    hub: Hub, telegram: Telegram, start: Start, clock: Clock, outage: Outage, failure: Exception
) -> None:
    logged_in(hub)
    start("one", store=outage)
    line = line_of(telegram)
    outage.failure = failure
    looks_in_vain(outage)
    clock.stop()
    clock.ahead += NEARLY_OVER
    eventually(lambda: not line.open)
    start("two")
    clock.ahead += LEASE - NEARLY_OVER
    assert line_of(telegram) is not line
    assert not telegram.opened_twice


def test_a_line_is_closed_in_time_however_far_away_the_next_look_at_the_leases_is(
    hub: Hub, telegram: Telegram, start: Start, clock: Clock
) -> None:
    telegram.add("+491701234568", user_id=78)
    channels = [logged_in(hub), logged_in(hub, "+491701234568")]
    process, _ = start("one", interval=3600.0)
    eventually(lambda: all(held_line(process, channel) for channel in channels))
    one, other = telegram.open_lines()
    clock.ahead += LEASE - MARGIN - timedelta(seconds=0.5)
    one.listener.on_end(True, "the owner ended it")  # and so the process sees how late it is
    eventually(lambda: not other.open)


def test_a_short_outage_of_the_store_closes_nothing(
    hub: Hub, telegram: Telegram, start: Start, clock: Clock, outage: Outage
) -> None:
    channel = logged_in(hub)
    start("one", store=outage)
    line = line_of(telegram)
    clock.stop()
    outage.failure = StoreError("it is down")
    clock.ahead += LEASE / 3
    looks_in_vain(outage)
    assert line.open
    outage.failure = None
    until = renewed(hub, channel)
    assert until > clock() + LEASE / 3
    assert telegram.open_lines() == [line]
    assert len(telegram.lines) == 1


def test_after_a_long_outage_the_line_is_opened_anew(
    hub: Hub, telegram: Telegram, start: Start, clock: Clock, outage: Outage
) -> None:
    channel = logged_in(hub)
    start("one", store=outage)
    line = line_of(telegram)
    outage.failure = StoreError("it is down")
    clock.ahead += NEARLY_OVER
    eventually(lambda: not line.open)
    outage.failure = None
    clock.ahead += LEASE
    line_of(telegram).bring(update(1, "Is anybody there?"))
    assert hub.conversation().instance_id == channel
    assert not telegram.opened_twice


def test_a_line_whose_session_another_process_has_taken_is_closed(
    hub: Hub, telegram: Telegram, start: Start, clock: Clock
) -> None:
    channel = logged_in(hub)
    start("one")
    line = line_of(telegram)
    foreign_lease = {"lease_owner": "another", "lease_expires_at": clock() + LEASE}
    hub.store.commit([Merge(Ref("channel_auth", channel), foreign_lease)])
    eventually(lambda: not line.open)
    assert lease(hub, channel)["lease_owner"] == "another"
    assert status_of(hub, channel) == "CONNECTED"


class SlowTelegram:
    """While `slow`, a line that is opened is given to its process only when it is released; `opening` tells of it."""

    def __init__(self) -> None:
        self.slow = False
        self.opening = threading.Event()
        self.released = threading.Event()

    def connections(self, deps: Deps) -> TelegramConnections:
        telegram = self

        class Slow(TelegramConnections):
            def open(
                self,
                instance: Instance,
                credentials: Mapping[str, str],
                position: Position | None,
                listener: Listener,
                epoch: int,
            ) -> OpenConnection:
                line = super().open(instance, credentials, position, listener, epoch)
                if telegram.slow:
                    telegram.opening.set()
                    assert telegram.released.wait(30)
                return line

        return Slow(deps)


@pytest.fixture
def slow() -> Iterator[SlowTelegram]:
    slow = SlowTelegram()
    yield slow
    slow.released.set()


def test_lines_that_take_long_to_open_hold_up_no_renewal(
    hub: Hub, telegram: Telegram, start: Start, clock: Clock, slow: SlowTelegram
) -> None:
    telegram.add("+491701234568", user_id=78)
    connected = logged_in(hub)
    process, _ = start("one", channels={"telegram_user": slow.connections})
    line_of(telegram)
    slow.slow = True
    opening = logged_in(hub, "+491701234568")
    assert slow.opening.wait(15)
    start("two")
    for _ in range(3):
        clock.ahead += LEASE / 3
        for channel in (connected, opening):
            renewed(hub, channel)
            assert lease(hub, channel)["lease_owner"] == "one"
    slow.released.set()
    eventually(lambda: held_line(process, opening))
    renewed(hub, opening)
    assert len(telegram.open_lines()) == len(telegram.lines) == 2
    assert not telegram.opened_twice


def test_a_line_that_is_open_only_after_its_account_was_logged_out_is_closed(
    hub: Hub, telegram: Telegram, start: Start, slow: SlowTelegram
) -> None:
    channel, slow.slow = logged_in(hub), True
    start("one", channels={"telegram_user": slow.connections}, interval=0.5)
    assert slow.opening.wait(15)
    hub.post("/api/telegram/user/logout", {"channelInstanceId": channel})
    slow.released.set()
    eventually(lambda: not telegram.open_lines())
    assert status_of(hub, channel) == "DISCONNECTED"


def test_a_line_that_is_open_only_after_its_lease_has_ended_is_closed(
    hub: Hub,
    telegram: Telegram,
    start: Start,
    clock: Clock,
    slow: SlowTelegram,
    outage: Outage,
    caplog: pytest.LogCaptureFixture,
) -> None:
    logged_in(hub)
    slow.slow = True
    start("one", channels={"telegram_user": slow.connections}, store=outage)
    assert slow.opening.wait(15)
    outage.failure = StoreError("it is down")
    looks_in_vain(outage)
    clock.ahead += NEARLY_OVER
    eventually(lambda: "a session is ours no more" in caplog.messages)
    slow.released.set()
    eventually(lambda: not telegram.open_lines())


def test_a_line_is_closed_before_its_session_is_left_to_others(
    hub: Hub, telegram: Telegram, start: Start, deps: Deps
) -> None:
    channel = logged_in(hub)
    process, sessions = start("one", interval=3600.0)
    line = line_of(telegram)
    eventually(lambda: held_line(process, channel))
    when_released: list[bool] = []
    overlaps(deps).store.before_commit("channel_auth", lambda: when_released.append(line.open))
    sessions.stop()
    assert when_released == [False]


def test_a_process_that_stops_while_a_line_is_being_opened_leaves_the_session_to_others_when_it_is(
    hub: Hub, telegram: Telegram, start: Start, slow: SlowTelegram
) -> None:
    logged_in(hub)
    slow.slow = True
    _, sessions = start("one", channels={"telegram_user": slow.connections})
    assert slow.opening.wait(15)
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(sessions.stop, 15.0)
        slow.released.set()
        stopping.result()
    assert not telegram.lines[0].open
    start("two")
    assert line_of(telegram) is telegram.lines[1]
    assert not telegram.opened_twice


def test_a_session_that_is_taken_again_while_it_is_still_being_opened_is_not_opened_twice(
    hub: Hub,
    telegram: Telegram,
    start: Start,
    clock: Clock,
    slow: SlowTelegram,
    outage: Outage,
    caplog: pytest.LogCaptureFixture,
) -> None:
    channel, slow.slow = logged_in(hub), True
    process, _ = start("one", channels={"telegram_user": slow.connections}, store=outage)
    assert slow.opening.wait(15)
    outage.failure = StoreError("it is down")
    looks_in_vain(outage)
    clock.ahead += NEARLY_OVER
    eventually(lambda: "a session is ours no more" in caplog.messages)
    outage.failure = None
    clock.ahead += LEASE
    eventually(lambda: lease(hub, channel)["lease_expires_at"] > clock())
    slow.released.set()
    eventually(lambda: held_line(process, channel))
    renewed(hub, channel)
    assert len(telegram.lines) == 1
    assert telegram.open_lines() == telegram.lines


def test_a_new_login_that_is_taken_while_the_former_one_is_still_being_opened_is_opened_after_it(
    hub: Hub, telegram: Telegram, start: Start, slow: SlowTelegram
) -> None:
    channel, slow.slow = logged_in(hub), True
    process, _ = start("one", channels={"telegram_user": slow.connections})
    assert slow.opening.wait(15)
    log_in_anew(hub, channel)
    eventually(lambda: lease(hub, channel)["lease_owner"] == "one")
    assert len(telegram.lines) == 1
    slow.released.set()
    eventually(lambda: held_line(process, channel))
    former, present = telegram.lines
    assert (former.open, present.open) == (False, True)
    assert former.session != present.session
