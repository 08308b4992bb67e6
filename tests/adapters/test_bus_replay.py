"""What every `Bus` promises of webhooks that were consumed already: for a while they can be consumed again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from queue import Queue
from time import sleep

from shared.domain.events import Event, InboundEvent, Topic
from shared.ports.bus import Bus
from tests.adapters.traffic import consuming, ids, take


def _webhook(id_: str) -> InboundEvent:
    return InboundEvent(
        id=id_, tenant_id="t", instance_id="i", channel="c", payload={}, received_at=datetime(2026, 1, 1, tzinfo=UTC)
    )


def test_consumed_webhooks_come_again_in_their_order(bus: Bus) -> None:
    began = datetime.now(UTC) - timedelta(seconds=5)
    arrived: Queue[Event] = Queue()
    for id_ in ("1", "2", "3"):
        bus.publish(Topic.INBOUND, _webhook(id_), key="chat")
    with consuming(bus, {Topic.INBOUND: arrived.put}):
        assert ids(take(arrived, 3)) == ["1", "2", "3"]
    assert bus.replay(Topic.INBOUND, began) == 3
    with consuming(bus, {Topic.INBOUND: arrived.put}):
        assert ids(take(arrived, 3)) == ["1", "2", "3"]


def test_what_was_consumed_before_the_moment_does_not_come_again(bus: Bus) -> None:
    arrived: Queue[Event] = Queue()
    bus.publish(Topic.INBOUND, _webhook("old"), key="chat")
    with consuming(bus, {Topic.INBOUND: arrived.put}):
        take(arrived, 1)
    assert bus.replay(Topic.INBOUND, datetime.now(UTC) + timedelta(seconds=5)) == 0
    bus.publish(Topic.INBOUND, _webhook("new"), key="chat")
    with consuming(bus, {Topic.INBOUND: arrived.put}):
        assert ids(take(arrived, 1)) == ["new"]


def _moment() -> datetime:
    """Now, well apart from what happened before and what comes after."""
    sleep(0.05)
    now = datetime.now(UTC)
    sleep(0.05)
    return now


def test_a_replay_leaves_what_is_older_for_another_one(bus: Bus) -> None:
    arrived: Queue[Event] = Queue()

    def consumed(count: int) -> list[str]:
        with consuming(bus, {Topic.INBOUND: arrived.put}):
            return ids(take(arrived, count))

    began = _moment()
    bus.publish(Topic.INBOUND, _webhook("old"), key="chat")
    assert consumed(1) == ["old"]
    middle = _moment()
    bus.publish(Topic.INBOUND, _webhook("new"), key="chat")
    assert consumed(1) == ["new"]
    assert bus.replay(Topic.INBOUND, middle) == 1
    assert consumed(1) == ["new"]
    for _ in range(2):
        assert bus.replay(Topic.INBOUND, began) == 2
        assert consumed(2) == ["old", "new"]


def test_what_was_erased_does_not_come_again(bus: Bus) -> None:
    began = datetime.now(UTC) - timedelta(seconds=5)
    arrived: Queue[Event] = Queue()
    for id_ in ("1", "2", "3"):
        bus.publish(Topic.INBOUND, _webhook(id_), key="chat")
    with consuming(bus, {Topic.INBOUND: arrived.put}):
        take(arrived, 3)
    assert bus.erase(Topic.INBOUND, lambda events: [event.id for event in events if event.id != "2"]) == 2
    assert bus.replay(Topic.INBOUND, began) == 1
    with consuming(bus, {Topic.INBOUND: arrived.put}):
        assert ids(take(arrived, 1)) == ["2"]
