"""Looking hosts up: who has slow or missing names looked up takes that from nobody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.errors import ProviderUnavailable
from shared.outgoing.concurrency import working_for
from shared.outgoing.lookup import AT_ONCE, FAILED_FOR, LONGEST, PER_TENANT, Lookup
from tests.eventually import eventually
from tests.security.calling import outgoing


class Names:
    """A name server: names of `slow.example` hang until `release`, those of `none.example` do not exist."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.now = 0.0
        self._released = threading.Event()

    def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host.endswith("slow.example"):
            self._released.wait(20)
        if host.endswith("none.example"):
            raise OSError("no such name")
        return ["203.0.113.5"]

    def release(self) -> None:
        self._released.set()

    def clock(self) -> float:
        return self.now


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names()
    yield names
    names.release()


def refused(lookup: Lookup, host: str, tenant: str = "") -> str:
    with working_for(tenant), pytest.raises(OSError, match="look") as error:
        lookup.addresses(host, 443, patience=0.01)
    return str(error.value)


def slow_names(lookup: Lookup, tenant: str, count: int = AT_ONCE + 5) -> None:
    for number in range(count):
        refused(lookup, f"{tenant}-{number}.slow.example", tenant)


def test_one_tenants_slow_names_stop_nobody_else(names: Names) -> None:
    lookup = Lookup(names.resolve)
    slow_names(lookup, "mallory")
    assert len(names.asked) == PER_TENANT
    with working_for("ann"):
        assert lookup.addresses("hub.example", 443, patience=5) == ["203.0.113.5"]


def test_of_many_tenants_with_slow_names_the_next_one_still_finds_a_place(names: Names) -> None:
    lookup = Lookup(names.resolve)
    for tenant in ("m1", "m2", "m3", "m4"):
        slow_names(lookup, tenant)
    assert len(names.asked) < AT_ONCE
    with working_for("ann"):
        assert lookup.addresses("hub.example", 443, patience=5) == ["203.0.113.5"]


def test_a_name_is_looked_up_once_for_all_who_want_it_however_they_spell_it(names: Names) -> None:
    lookup = Lookup(names.resolve)
    spellings = ["a.slow.example", "A.SLOW.example", "a.slow.example.", "a.slow.example"]
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(lookup.addresses, host, 443, 15) for host in spellings]
        eventually(lambda: names.asked)
        names.release()
        assert [each.result() for each in waiting] == [["203.0.113.5"]] * 4
    assert len(names.asked) == 1


def test_a_name_that_hangs_is_not_waited_for_again(names: Names) -> None:
    lookup = Lookup(names.resolve, clock=names.clock)
    assert "took" in refused(lookup, "a.slow.example")
    names.now += LONGEST
    assert "takes" in refused(lookup, "a.slow.example")
    names.release()
    eventually(lambda: lookup.addresses("b.example", 443, patience=5))
    assert names.asked.count("a.slow.example") == 1


def test_a_name_that_does_not_exist_is_not_asked_for_again_for_a_while(names: Names) -> None:
    lookup = Lookup(names.resolve, clock=names.clock)
    for _ in range(3):
        with pytest.raises(OSError, match=r"no such name|a moment ago"):
            lookup.addresses("a.none.example", 443, patience=5)
    assert names.asked == ["a.none.example"]
    names.now += FAILED_FOR
    with pytest.raises(OSError, match="no such name"):
        lookup.addresses("a.none.example", 443, patience=5)
    assert len(names.asked) == 2


def test_the_deployments_own_hosts_are_looked_up_whatever_tenants_have_looked_up(names: Names) -> None:
    with outgoing(names.resolve) as http:
        for number in range(AT_ONCE + 5):
            with working_for(f"tenant-{number}"), pytest.raises(ProviderUnavailable):
                http.request("GET", f"http://{number}.slow.example/", provider="test", timeout=0.02)
        with pytest.raises(ProviderUnavailable):
            http.request("GET", "http://hub.none.example/", provider="test", timeout=5, guarded=False)
    assert "hub.none.example" in names.asked
