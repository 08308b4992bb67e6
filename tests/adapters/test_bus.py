"""What every `Bus` promises: order, attempts, delays, durability. `test_bus_dead_letters.py` has the rest."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from queue import Queue
from time import sleep

from shared.domain.events import Event, InboundEvent, OutboundEvent, RealtimeEvent, ReplyEvent, Topic
from shared.ports.bus import Bus, Consumer
from tests.adapters.backends import Backend, BusUnderTest
from tests.adapters.backends import publish_and_die as child
from tests.adapters.traffic import PATIENCE, consuming, ids, publish, refuse, reply, take

EVENTS: dict[Topic, Event] = {
    Topic.INBOUND: InboundEvent(
        tenant_id="t",
        request_id="r-1",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        instance_id="i",
        channel="telegram",
        payload={"text": "ü 👍 \x01 \\u0041", "n": [1, 2.5, None, True], "deep": {"a": {"b": ""}}},
        received_at=datetime(2024, 5, 1, 12, 30, 15, 123456, tzinfo=UTC),
    ),
    Topic.REPLIES: ReplyEvent(tenant_id="t", conversation_id="c", message_id="m"),
    Topic.OUTBOUND: OutboundEvent(tenant_id="t", conversation_id="c", runtime="socket"),
    Topic.REALTIME: RealtimeEvent(tenant_id="t", room="tenant:t", name="message", payload={"big": "x" * 100_000}),
}


def test_events_of_every_topic_arrive_with_all_their_fields(bus: Bus) -> None:
    arrived: Queue[tuple[Topic, Event]] = Queue()

    def consumer(topic: Topic) -> Consumer:
        return lambda event: arrived.put((topic, event))

    with consuming(bus, {topic: consumer(topic) for topic in EVENTS}):
        for topic, event in EVENTS.items():
            bus.publish(topic, event, key="k")
        received = dict(arrived.get(timeout=PATIENCE) for _ in EVENTS)

    assert received == EVENTS


def test_what_was_published_before_anyone_consumes_is_kept(bus: Bus) -> None:
    publish(bus, "1", "2", "3")
    arrived: Queue[Event] = Queue()

    with consuming(bus, arrived.put):
        assert ids(take(arrived, 3)) == ["1", "2", "3"]


def test_events_of_a_key_come_in_the_order_of_publishing(bus: Bus) -> None:
    arrived: Queue[Event] = Queue()
    expected = {key: [f"{key}{n}" for n in range(10)] for key in "abc"}

    with consuming(bus, arrived.put):
        for n in range(10):
            for key in expected:
                publish(bus, f"{key}{n}", key=key)
        received = ids(take(arrived, 30))

    assert {key: [id_ for id_ in received if id_.startswith(key)] for key in expected} == expected


def test_events_of_a_key_never_overlap(bus: Bus) -> None:
    running = threading.Lock()
    arrived: Queue[Event] = Queue()
    overlaps = []

    def consumer(event: Event) -> None:
        if not running.acquire(blocking=False):
            overlaps.append(event.id)
            return
        sleep(0.005)
        running.release()
        arrived.put(event)

    with consuming(bus, consumer):
        publish(bus, *"123456")
        received = ids(take(arrived, 6))

    assert (received, overlaps) == (list("123456"), [])


def test_key_that_blocks_does_not_hold_up_another(bus: Bus) -> None:
    release = threading.Event()
    arrived: Queue[Event] = Queue()

    def consumer(event: Event) -> None:
        if event.id == "stuck":
            release.wait(PATIENCE)
        arrived.put(event)

    with consuming(bus, consumer):
        publish(bus, "stuck", "behind", key="a")
        publish(bus, "1", "2", key="b")
        assert ids(take(arrived, 2)) == ["1", "2"]
        release.set()
        assert ids(take(arrived, 2)) == ["stuck", "behind"]


def test_topic_whose_consumers_are_all_at_work_does_not_hold_up_another(bus: Bus) -> None:
    release = threading.Event()
    arrived: Queue[Event] = Queue()

    def wait(_: Event) -> None:
        release.wait(PATIENCE)

    with consuming(bus, {Topic.REPLIES: wait, Topic.OUTBOUND: arrived.put}):
        for n in range(40):
            publish(bus, str(n), key=str(n))
        bus.publish(Topic.OUTBOUND, EVENTS[Topic.OUTBOUND], key="c")
        assert take(arrived, 1) == [EVENTS[Topic.OUTBOUND]]
        release.set()


def test_refused_event_comes_again_before_its_key_goes_on(bus: Bus) -> None:
    arrived: Queue[Event] = Queue()

    def consumer(event: Event) -> None:
        arrived.put(event)
        if event.id == "1" and event.attempt < 3:
            refuse(event)

    with consuming(bus, consumer):
        publish(bus, "1", "2")
        received = [(event.id, event.attempt) for event in take(arrived, 4)]

    assert received == [("1", 1), ("1", 2), ("1", 3), ("2", 1)]


def test_key_that_is_refused_does_not_hold_up_another(bus_under_test: BusUnderTest) -> None:
    refused = threading.Event()
    arrived: Queue[Event] = Queue()

    def consumer(event: Event) -> None:
        if event.id == "bad":
            refused.set()
            refuse(event)
        arrived.put(event)

    with consuming(bus_under_test.bus, consumer):
        publish(bus_under_test.bus, "bad", "behind", key="a")
        assert refused.wait(PATIENCE)
        publish(bus_under_test.bus, "1", key="b")
        assert sorted(ids(take(arrived, 2))) == ["1", "behind"]


def test_consumers_change_to_an_event_is_gone_at_the_next_attempt(bus: Bus) -> None:
    arrived: Queue[object] = Queue()

    def consumer(event: Event) -> None:
        assert isinstance(event, RealtimeEvent)
        arrived.put(dict(event.payload))
        event.payload["changed"] = True
        if event.attempt == 1:
            refuse(event)

    with consuming(bus, {Topic.REALTIME: consumer}):
        bus.publish(Topic.REALTIME, RealtimeEvent(tenant_id="t", room="r", name="n", payload={"a": 1}), key="r")
        assert [arrived.get(timeout=PATIENCE) for _ in range(2)] == [{"a": 1}, {"a": 1}]


def test_delayed_event_does_not_come_before_one_published_later_under_another_key(bus: Bus) -> None:
    arrived: Queue[Event] = Queue()

    with consuming(bus, arrived.put):
        bus.publish(Topic.REPLIES, reply("late"), key="a", delay=60)
        publish(bus, "now", key="b")
        assert ids(take(arrived, 1)) == ["now"]
    assert arrived.empty()


def test_delayed_event_is_never_early_and_its_first_attempt_is_one(bus: Bus) -> None:
    arrived: Queue[tuple[datetime, int]] = Queue()
    due = datetime.now(UTC) + timedelta(seconds=0.3)

    with consuming(bus, lambda event: arrived.put((datetime.now(UTC), event.attempt))):
        bus.publish(Topic.REPLIES, reply("late"), key="a", delay=0.3)
        came_at, attempt = arrived.get(timeout=PATIENCE)

    assert came_at >= due
    assert attempt == 1


def test_event_published_again_by_its_consumer_starts_with_its_first_attempt(bus: Bus) -> None:
    arrived: Queue[tuple[Topic, int]] = Queue()

    def consumer(event: Event) -> None:
        if event.attempt == 1:
            refuse(event)
        bus.publish(Topic.REALTIME, RealtimeEvent(tenant_id="t", room="r", name="n", payload={}, attempt=7), key="r")

    def realtime(event: Event) -> None:
        arrived.put((Topic.REALTIME, event.attempt))

    with consuming(bus, {Topic.REPLIES: consumer, Topic.REALTIME: realtime}):
        publish(bus, "1")
        assert arrived.get(timeout=PATIENCE) == (Topic.REALTIME, 1)


def test_acknowledged_events_do_not_come_to_the_next_consumer(bus_under_test: BusUnderTest, backend: Backend) -> None:
    arrived: Queue[Event] = Queue()
    with consuming(bus_under_test.bus, arrived.put):
        publish(bus_under_test.bus, "1", "2")
        take(arrived, 2)

    other = backend.connect_bus(bus_under_test.where)
    with consuming(other, arrived.put):
        publish(bus_under_test.bus, "3")
        assert ids(take(arrived, 1)) == ["3"]
    other.close()
    assert arrived.empty()


def test_stopping_waits_for_the_consumer_at_work(bus: Bus) -> None:
    started, ended = threading.Event(), threading.Event()

    def consumer(_: Event) -> None:
        started.set()
        sleep(0.05)
        ended.set()

    stop = bus.consume({Topic.REPLIES: consumer})
    publish(bus, "1")
    assert started.wait(PATIENCE)
    stop()

    assert ended.is_set()


def test_after_stopping_another_consumer_takes_over(bus: Bus) -> None:
    first: Queue[Event] = Queue()
    with consuming(bus, first.put):
        publish(bus, "1")
        take(first, 1)
    publish(bus, "2")

    second: Queue[Event] = Queue()
    assert bus.alive
    with consuming(bus, second.put):
        assert bus.alive
        publish(bus, "3")
        assert ids(take(second, 2)) == ["2", "3"]
    assert first.empty()


def test_parallel_publishers_lose_nothing(bus: Bus) -> None:
    arrived: Queue[Event] = Queue()

    def publisher(number: int) -> None:
        publish(bus, *(f"{number}-{n}" for n in range(20)), key=f"k{number % 3}")

    with consuming(bus, arrived.put):
        threads = [threading.Thread(target=publisher, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        received = ids(take(arrived, 120))

    for number in range(6):
        assert [id_ for id_ in received if id_.startswith(f"{number}-")] == [f"{number}-{n}" for n in range(20)]


def publish_in_a_process_that_is_killed(backend_name: str, where: str, key: str, *event_ids: str) -> None:
    command = [sys.executable, "-m", child.__name__, backend_name, where, key, *event_ids]
    ended = subprocess.run(command, timeout=PATIENCE, check=False, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def test_what_publish_returned_for_survives_a_kill(
    backend_name: str, backend: Backend, bus_under_test: BusUnderTest
) -> None:
    publish_in_a_process_that_is_killed(backend_name, bus_under_test.where, "c", "1", "2", "3")

    arrived: Queue[Event] = Queue()
    other = backend.connect_bus(bus_under_test.where)
    with consuming(other, arrived.put):
        assert ids(take(arrived, 3)) == ["1", "2", "3"]
    other.close()


def test_what_another_process_publishes_reaches_a_bus_that_consumes_already(
    backend_name: str, bus_under_test: BusUnderTest
) -> None:
    arrived: Queue[Event] = Queue()

    with consuming(bus_under_test.bus, arrived.put):
        publish(bus_under_test.bus, "1")
        publish_in_a_process_that_is_killed(backend_name, bus_under_test.where, "c", "2", "3")
        publish(bus_under_test.bus, "4")
        assert ids(take(arrived, 4)) == ["1", "2", "3", "4"]
