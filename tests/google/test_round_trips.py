"""What a message costs on Firestore: the calls that reach the emulator, counted on the wire."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

import pytest

from infra.bench.counting import Cost
from infra.bench.journey import Costs, Journey
from shared.adapters.google.store import FirestoreStore
from shared.deps import Deps
from tests.adapters.backends import emulators
from tests.adapters.backends.google import project
from tests.adapters.backends.grpc_proxy import Proxy, proxy_to
from tests.google.deployment import require_emulators
from tests.pipeline.hub import telegram_rules
from tests.stubs import Stub

KINDS = {
    "BatchGetDocuments": "reads",
    "RunQuery": "reads",
    "RunAggregationQuery": "reads",
    "Commit": "commits",
}


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    require_emulators()
    with proxy_to(emulators.firestore()) as proxy:
        yield proxy


@pytest.fixture
def journey(deps: Deps, proxy: Proxy, provider: Stub) -> Iterator[Journey]:
    """A hub whose documents are on Firestore, whose caches are warm and whose customers are answered."""
    telegram_rules(provider)
    store = FirestoreStore(project(), emulator_host=proxy.address)
    journey = Journey(dataclasses.replace(deps, store=store))
    journey.write(chat=1, number=1)
    journey.hire_echo()
    journey.write(chat=2, number=1)
    yield journey
    store.close()


def _write(journey: Journey, proxy: Proxy, chat: int, number: int) -> tuple[Costs, Cost]:
    """What the steps say that they asked of the store, and what reached Firestore."""
    proxy.calls.clear()
    costs = journey.write(chat, number)
    counted = Counter(KINDS[method] for method in proxy.calls)
    return costs, Cost(reads=counted["reads"], commits=counted["commits"])


@pytest.mark.parametrize(("chat", "number"), [(1, 2), (3, 1)], ids=["known", "new"])
def test_every_round_trip_is_one_call_and_they_keep_to_the_budget(
    journey: Journey, proxy: Proxy, chat: int, number: int
) -> None:
    costs, reached = _write(journey, proxy, chat, number)
    asked = costs.webhook + costs.inbound + costs.answer
    assert (reached.reads, reached.commits) == (asked.reads, asked.commits)
    assert costs.webhook == Cost()
    assert (costs.inbound.reads, costs.inbound.commits) == (1, 1)
    assert reached.reads <= 1 + 3, costs
    assert reached.commits <= 1 + 3, costs


def test_a_duplicate_is_looked_at_once_more_for_firestore_does_not_tell_what_is_there(
    journey: Journey, proxy: Proxy
) -> None:
    costs, reached = _write(journey, proxy, chat=1, number=1)
    assert (reached.reads, reached.commits) == (costs.inbound.reads, costs.inbound.commits) == (2, 1)
    assert costs.answer == Cost()
