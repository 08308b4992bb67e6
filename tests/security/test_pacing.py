"""Turns: never more than the pace allows, nobody forgotten, nothing while an account rests. Time is made up here."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.security.pacing import Limit, Pacer

SLOW = Limit("slow", interval=1.0, burst=1)


def run(pacer: Pacer, arrivals: list[tuple[float, Limit, Limit | None]], late: float = 0.0) -> list[tuple[float, int]]:
    """Simulate arrivals; a message retries `late` seconds after its wait. Returns when each number departed."""
    waiting = [(at, number, account, chat, False) for number, (at, account, chat) in enumerate(arrivals)]
    heapq.heapify(waiting)
    departures: list[tuple[float, int]] = []
    for _ in range(100_000):
        if not waiting:
            return departures
        now, number, account, chat, waited = heapq.heappop(waiting)
        wait = pacer.take(account, chat, now, waited=waited)
        if wait:
            heapq.heappush(waiting, (now + wait + late, number, account, chat, True))
        else:
            departures.append((now, number))
    raise AssertionError("somebody waits for ever")


def most_within(departures: list[tuple[float, int]], seconds: float) -> int:
    times = [at for at, _ in departures]
    return max(sum(start <= at < start + seconds for at in times) for start in times)


def test_what_comes_at_once_goes_one_an_interval_in_the_order_in_which_it_came() -> None:
    departures = run(Pacer(), [(100.0, SLOW, None)] * 50)
    assert [number for _, number in departures] == list(range(50))
    assert most_within(departures, 0.799) == 1
    assert departures[-1][0] - departures[0][0] < 65


def test_nobody_asks_more_often_than_necessary() -> None:
    pacer, asks = Pacer(), 0
    at = dict.fromkeys(range(50), 100.0)
    while at:
        number = min(at, key=lambda each: (at[each], each))
        now = at.pop(number)
        asks += 1
        if wait := pacer.take(SLOW, None, now, waited=now > 100.0):
            at[number] = now + wait
    assert asks == 99


def test_after_a_rest_a_burst_goes_at_once() -> None:
    account = Limit("a", interval=1.0, burst=10)
    departures = run(Pacer(), [(100.0, account, None)] * 12)
    assert sum(at == 100.0 for at, _ in departures) == 10


def test_another_account_does_not_wait() -> None:
    pacer = Pacer()
    run(pacer, [(100.0, SLOW, None)] * 50)
    assert pacer.take(Limit("other", 1.0), None, 100.0, waited=False) == 0.0


def test_chat_that_waits_takes_no_turn_of_its_account() -> None:
    pacer = Pacer()
    account, chat = Limit("a", 0.1), Limit("a:chat", 6.0)
    assert pacer.take(account, chat, 100.0, waited=False) == 0.0
    assert pacer.take(account, chat, 100.2, waited=False) == pytest.approx(5.8)
    assert pacer.take(account, Limit("a:other", 6.0), 100.2, waited=False) == 0.0


def test_nothing_goes_while_the_account_rests_and_then_in_turn() -> None:
    pacer = Pacer()
    pacer.pause("slow", 130.0)
    departures = run(pacer, [(100.0, SLOW, None)] * 5)
    assert min(at for at, _ in departures) >= 130.0
    assert most_within(departures, 0.799) == 1


def test_account_without_a_limit_rests_too() -> None:
    pacer, account = Pacer(), Limit("free", 0.0)
    assert [pacer.take(account, None, 100.0, waited=False) for _ in range(100)] == [0.0] * 100
    pacer.pause("free", 110.0)
    assert pacer.take(account, None, 100.0, waited=False) == pytest.approx(10.0)
    assert pacer.take(account, None, 110.0, waited=True) == 0.0


def test_shorter_rest_does_not_end_a_longer_one() -> None:
    pacer = Pacer()
    pacer.pause("slow", 130.0)
    pacer.pause("slow", 110.0)
    assert pacer.take(SLOW, None, 120.0, waited=False) >= 10.0


def test_newcomer_does_not_overtake_those_who_wait() -> None:
    pacer = Pacer()
    assert pacer.take(SLOW, None, 100.0, waited=False) == 0.0
    assert pacer.take(SLOW, None, 100.0, waited=False) >= 1.0
    assert pacer.take(SLOW, None, 101.0, waited=False) >= 1.0
    assert pacer.take(SLOW, None, 101.2, waited=True) == 0.0


@pytest.mark.parametrize("interval", [0.0, 0.2, 2.0])
def test_another_interval_holds_from_then_on_and_ends_no_rest(interval: float) -> None:
    pacer, changed = Pacer(), Limit("slow", interval)
    went = [pacer.take(Limit("slow", 1000.0), None, 100.0, waited=False) == 0.0 for _ in range(5)]
    assert went == [True, False, False, False, False]
    assert pacer.take(changed, None, 101.0, waited=False) == 0.0
    assert (pacer.take(changed, None, 101.0, waited=False) == 0.0) is (interval == 0.0)
    pacer.pause("slow", 160.0)
    assert pacer.take(Limit("slow", 0.0), None, 150.0, waited=False) == pytest.approx(10.0)
    assert pacer.take(SLOW, None, 150.0, waited=False) >= 10.0


def test_lines_that_were_long_not_used_are_forgotten() -> None:
    pacer = Pacer(size=2)
    for key in ("a", "b", "c"):
        pacer.take(Limit(key, 1000.0), None, 100.0, waited=False)
    assert pacer.take(Limit("a", 1000.0), None, 100.0, waited=False) == 0.0
    assert pacer.take(Limit("c", 1000.0), None, 100.0, waited=False) > 0


@given(
    arrivals=st.lists(st.floats(100, 160), min_size=1, max_size=60),
    interval=st.sampled_from([0.1, 0.5, 1.0, 3.0]),
    burst=st.integers(1, 5),
    late=st.sampled_from([0.0, 0.3, 45.0]),
)
def test_pace_is_kept_and_all_go_whenever_they_come_and_however_late_they_are_woken(
    arrivals: list[float], interval: float, burst: int, late: float
) -> None:
    account = Limit("a", interval, burst)
    departures = run(Pacer(), [(at, account, None) for at in arrivals], late)
    assert len(departures) == len(arrivals)
    assert most_within(departures, interval * 0.799) <= burst
    assert most_within(departures, interval * 9.999) <= burst + 10
