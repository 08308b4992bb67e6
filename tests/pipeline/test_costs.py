"""What a message costs in round trips and documents: counted, so that no change makes it dearer unseen."""

from __future__ import annotations

import dataclasses

import pytest

from infra.bench.counting import Cost
from infra.bench.journey import Journey
from shared.cache import TTLCache
from shared.deps import Deps
from shared.domain.events import Topic
from tests.pipeline.hub import telegram_rules
from tests.stubs import Stub


@pytest.fixture
def journey(deps: Deps, provider: Stub) -> Journey:
    """A hub whose caches are warm, and stay so on a slow machine, and whose customers are answered; chat 1 is known."""
    telegram_rules(provider)
    journey = Journey(dataclasses.replace(deps, cache=TTLCache(lambda: 0.0)))
    journey.write(chat=1, number=1)
    journey.hire_echo()
    journey.write(chat=2, number=1)
    return journey


def _at_most(cost: Cost, limit: Cost) -> bool:
    over = cost - limit
    return max(over.reads, over.commits, over.documents_read, over.documents_written) <= 0


def test_a_webhook_costs_no_round_trip(journey: Journey) -> None:
    assert journey.write(chat=1, number=2).webhook == Cost()


def test_a_message_of_somebody_known_costs_one_read_and_one_commit(journey: Journey) -> None:
    cost = journey.write(chat=1, number=2).inbound
    assert (cost.reads, cost.commits) == (1, 1)
    assert cost.documents_read <= 3
    assert cost.documents_written <= 4


def test_the_first_message_of_a_person_costs_one_commit_too(journey: Journey) -> None:
    cost = journey.write(chat=3, number=1).inbound
    assert (cost.reads, cost.commits) == (1, 1), cost
    assert cost.documents_read <= 3, cost
    assert cost.documents_written <= 5, f"a customer in addition to what every message writes: {cost}"


def test_a_webhook_out_costs_a_message_no_round_trip(journey: Journey) -> None:
    """Its event and its delivery are written in the commits that are made anyway."""
    without = journey.write(chat=3, number=1)
    journey.call("POST", "/api/webhooks", {"url": "https://shop.example/", "topics": ["message"]})
    journey.write(chat=4, number=1)
    costs = journey.write(chat=5, number=1)
    assert (costs.inbound.reads, costs.inbound.commits) == (without.inbound.reads, without.inbound.commits)
    assert (costs.answer.reads, costs.answer.commits) == (without.answer.reads, without.answer.commits)
    assert costs.inbound.documents_written <= without.inbound.documents_written + 4, "three events, and a delivery"


def test_an_answer_costs_three_reads_and_three_commits(journey: Journey) -> None:
    costs = journey.write(chat=1, number=2)
    assert journey.deps.store.count("outbox") == 2, "chat 2's from the fixture, and this one"
    assert (costs.reply.commits, costs.deliver.commits) == (1, 2)
    assert costs.answer.reads <= 3, f"reply {costs.reply}, deliver {costs.deliver}"
    assert costs.answer.commits <= 3, f"reply {costs.reply}, deliver {costs.deliver}"


def test_a_longer_conversation_makes_neither_message_nor_answer_dearer(journey: Journey) -> None:
    first = journey.write(chat=4, number=1)
    for number in range(2, 60):
        journey.write(chat=4, number=number)
    later = journey.write(chat=4, number=60)
    assert later.inbound.documents_read == first.inbound.documents_read
    assert _at_most(later.inbound, Cost(1, 1, 3, 4)), later.inbound


def test_the_history_that_an_answer_reads_has_an_end(deps: Deps, provider: Stub) -> None:
    telegram_rules(provider)
    journey = Journey(deps)
    for number in range(1, 60):
        journey.write(chat=1, number=number)
    journey.hire_echo()
    assert journey.write(chat=1, number=60).reply.documents_read <= 25


def test_a_duplicate_costs_one_read_and_one_refused_commit(journey: Journey) -> None:
    for _ in range(2):  # what the tenant promises its customers is read now and then, and kept
        journey.write(chat=1, number=2)
    again = journey.write(chat=1, number=2)
    assert _at_most(again.inbound, Cost(1, 1, 3, 4)), again.inbound
    assert again.answer == Cost()
    assert journey.bus.take(Topic.REPLIES) == []


@pytest.mark.parametrize("path", ["/sessions/active", "/api/conversations"])
def test_a_list_costs_the_same_however_many_messages_there_are(journey: Journey, path: str) -> None:
    before, cost_before = journey.get(path)
    for number in range(2, 80):
        journey.write(chat=1, number=number)
    after, cost_after = journey.get(path)
    assert cost_after == cost_before
    rows = max(len(value) for value in after.values() if isinstance(value, list))
    assert rows == max(len(value) for value in before.values() if isinstance(value, list)) == 2
    assert cost_after.reads <= 3
    assert cost_after.documents_read <= rows + 3, "the conversations, and who asks"
