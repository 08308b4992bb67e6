"""What a message costs on Firestore: the calls that reach the emulator, counted on the wire."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from infra.bench.counting import Cost
from infra.bench.firestore import FirestoreMeter
from infra.bench.forwarding import forwarding
from infra.bench.journey import Costs, Journey
from shared.adapters.google.store import FirestoreStore
from shared.cache import TTLCache
from shared.deps import Deps
from shared.ports.store import Delete
from tests.adapters.backends import emulators
from tests.adapters.backends.google import project
from tests.google.deployment import require_emulators
from tests.pipeline.hub import telegram_rules
from tests.stubs import Stub


@pytest.fixture
def wire() -> FirestoreMeter:
    return FirestoreMeter()


@pytest.fixture
def journey(deps: Deps, wire: FirestoreMeter, provider: Stub) -> Iterator[Journey]:
    """A hub whose documents are on Firestore, whose caches are warm and stay so, and whose customers are answered."""
    require_emulators()
    telegram_rules(provider)
    with forwarding(emulators.firestore(), wire.watch) as address:
        store = FirestoreStore(project(), emulator_host=address)
        journey = Journey(dataclasses.replace(deps, store=store, cache=TTLCache(lambda: 0.0)))
        journey.write(chat=1, number=1)
        journey.hire_echo()
        journey.write(chat=2, number=1)
        yield journey
        store.close()


def _write(journey: Journey, wire: FirestoreMeter, chat: int, number: int) -> tuple[Costs, Cost]:
    """The costs that the store counted, and the cost that was measured at Firestore."""
    before = wire.spent
    costs = journey.write(chat, number)
    return costs, wire.spent - before


def _indexed(cost: Cost, documents: int) -> Cost:
    """The cost with so many documents of the search index, one for each new customer, which lie in the same commits."""
    return dataclasses.replace(cost, documents_written=cost.documents_written + documents)


@pytest.mark.parametrize(("chat", "number", "indexed"), [(1, 2, 0), (3, 1, 1)], ids=["known", "new"])
def test_every_round_trip_is_one_call_and_they_keep_to_the_budget(
    journey: Journey, wire: FirestoreMeter, chat: int, number: int, indexed: int
) -> None:
    costs, reached = _write(journey, wire, chat, number)
    assert reached == _indexed(costs.webhook + costs.inbound + costs.answer, indexed)
    assert costs.webhook == Cost()
    assert (costs.inbound.reads, costs.inbound.commits) == (1, 1)
    assert reached.reads <= 1 + 3, costs
    assert reached.commits <= 1 + 3, costs


def test_a_duplicate_is_looked_at_once_more_for_firestore_does_not_tell_what_is_there(
    journey: Journey, wire: FirestoreMeter
) -> None:
    costs, reached = _write(journey, wire, chat=1, number=1)
    assert reached == costs.inbound
    assert (reached.reads, reached.commits) == (2, 1)
    assert costs.answer == Cost()


def test_pages_counts_and_deletes_are_counted_as_they_were_asked_for(journey: Journey, wire: FirestoreMeter) -> None:
    store_cost, wire_cost = journey.store.spent, wire.spent
    conversations = journey.store.find("conversations").documents
    assert journey.store.find("campaigns").documents == []
    assert journey.store.count("conversations") == len(conversations) == 2
    journey.store.commit([Delete(conversations[0].ref), Delete(conversations[1].ref)])
    assert wire.spent - wire_cost == journey.store.spent - store_cost == Cost(3, 1, 2 + 1 + 1, 2, 2)
