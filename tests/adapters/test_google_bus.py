"""What the Pub/Sub adapter does beyond the contract: messages, retries, and giving back what it holds."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from queue import Queue
from time import monotonic, sleep

import grpc
import pytest

from shared.adapters.google import wire
from shared.adapters.google.bus import PubSubBus
from shared.adapters.google.consumption import Pace
from shared.adapters.google.peek import all_messages
from shared.adapters.google.pubsub import PubSub, ensure_topics
from shared.domain.events import Event, InboundEvent, OutboundEvent, Topic
from shared.errors import ConfigurationInvalid, PayloadInvalid, StoreError
from tests.adapters.backends import Backend, emulators
from tests.adapters.backends.google import PACE, project
from tests.adapters.backends.grpc_proxy import Proxy, proxy_to
from tests.eventually import eventually

PATIENCE = 40.0
NOW = datetime(2030, 1, 1, tzinfo=UTC)
EVENT = OutboundEvent(tenant_id="t", conversation_id="c", runtime="socket", traceparent="00-ab-cd-01")
BEHIND = EVENT.model_copy(update={"id": "behind"})


@pytest.fixture
def backend_name() -> str:
    return "google"


@pytest.fixture
def pubsub(backend: Backend) -> Iterator[PubSub]:
    pubsub = PubSub(project(), prefix="hub-", emulator_host=emulators.pubsub())
    ensure_topics(pubsub)
    yield pubsub
    pubsub.close()


@pytest.fixture
def bus(pubsub: PubSub) -> Iterator[PubSubBus]:
    bus = bus_over(pubsub)
    yield bus
    bus.close()


def bus_over(pubsub: PubSub, address: str | None = None, min_backoff: float = PACE.min_backoff) -> PubSubBus:
    pace = replace(PACE, min_backoff=min_backoff, max_backoff=max(min_backoff, PACE.max_backoff))
    return PubSubBus(pubsub.project, pubsub.prefix, address or pubsub.emulator_host, pace)


def test_a_message_carries_what_a_subscription_may_filter_on(pubsub: PubSub, bus: PubSubBus) -> None:
    bus.publish(Topic.OUTBOUND, EVENT, key="c", delay=60)
    subscription = pubsub.subscription(Topic.OUTBOUND)
    (received,) = pubsub.subscriber.pull(subscription=subscription, max_messages=1, timeout=PATIENCE).received_messages
    attributes = dict(received.message.attributes)
    due = datetime.fromisoformat(attributes.pop("not_before")) - datetime.now(UTC)
    assert timedelta(0) < due <= timedelta(seconds=60)
    assert attributes == {"runtime": "socket", "traceparent": "00-ab-cd-01"}
    assert received.message.ordering_key == "c"


def test_making_the_topics_again_is_fine(pubsub: PubSub) -> None:
    ensure_topics(pubsub)


def test_what_is_consumed_comes_in_order_and_what_died_or_is_kept_need_not(pubsub: PubSub) -> None:
    subscriptions = {
        True: [pubsub.subscription(topic) for topic in Topic],
        False: [*map(pubsub.dead_subscription, Topic), pubsub.retained_subscription(Topic.INBOUND)],
    }
    for is_ordered, names in subscriptions.items():
        stored = [pubsub.subscriber.get_subscription(subscription=name, timeout=PATIENCE) for name in names]
        assert {each.enable_message_ordering for each in stored} == {is_ordered}


def test_a_publish_that_is_refused_for_the_moment_is_repeated(pubsub: PubSub) -> None:
    with proxy_to(emulators.pubsub()) as proxy:
        proxy.refusals = [grpc.StatusCode.UNAVAILABLE]
        bus = bus_over(pubsub, proxy.address)
        bus.publish(Topic.OUTBOUND, EVENT, key="c")
        assert proxy.calls == ["Publish", "Publish"]
        bus.close()


def test_a_publish_that_failed_is_a_store_error_and_the_key_goes_on(pubsub: PubSub) -> None:
    with proxy_to(emulators.pubsub()) as proxy:
        proxy.refusals = [grpc.StatusCode.PERMISSION_DENIED]
        bus = bus_over(pubsub, proxy.address)
        with pytest.raises(StoreError):
            bus.publish(Topic.OUTBOUND, EVENT, key="c")
        bus.publish(Topic.OUTBOUND, EVENT, key="c")
        bus.close()


def test_an_event_of_another_topic_is_not_published(bus: PubSubBus) -> None:
    with pytest.raises(TypeError):
        bus.publish(Topic.INBOUND, EVENT, key="c")


def test_a_bus_consumes_once(bus: PubSubBus) -> None:
    stop = bus.consume({Topic.OUTBOUND: lambda event: None})
    with pytest.raises(ConfigurationInvalid):
        bus.consume({Topic.OUTBOUND: lambda event: None})
    stop()
    bus.consume({Topic.OUTBOUND: lambda event: None})()


def test_an_event_that_waits_for_its_next_attempt_is_given_back_at_the_stop(pubsub: PubSub) -> None:
    refused: Queue[Event] = Queue()

    def refuse(event: Event) -> None:
        refused.put(event)
        raise StoreError("not now")

    first = bus_over(pubsub, min_backoff=3600)
    stop = first.consume({Topic.OUTBOUND: refuse})
    first.publish(Topic.OUTBOUND, EVENT, key="c")
    refused.get(timeout=PATIENCE)
    stop()

    arrived: Queue[Event] = Queue()
    second = bus_over(pubsub)
    second.consume({Topic.OUTBOUND: arrived.put})
    assert arrived.get(timeout=PATIENCE) == EVENT
    first.close()
    second.close()


def test_a_message_that_is_no_event_dies_and_its_key_goes_on(pubsub: PubSub, bus: PubSubBus) -> None:
    arrived: Queue[Event] = Queue()
    pubsub.send(pubsub.topic(Topic.OUTBOUND), b"{}", {}, "c")
    bus.publish(Topic.OUTBOUND, EVENT, key="c")
    bus.consume({Topic.OUTBOUND: arrived.put})
    assert arrived.get(timeout=PATIENCE) == EVENT
    assert bus.dead_letters(Topic.OUTBOUND).letters == []


def test_an_event_that_died_twice_is_one_letter_and_redriven_once(pubsub: PubSub, bus: PubSubBus) -> None:
    data = EVENT.model_dump_json().encode()
    for _ in range(2):
        pubsub.send(pubsub.dead_topic(Topic.OUTBOUND), data, {"runtime": "socket"}, "c")
    (letter,) = bus.dead_letters(Topic.OUTBOUND).letters
    assert letter.reason == "Pub/Sub's delivery attempts were used up"

    arrived: Queue[Event] = Queue()
    bus.redrive(Topic.OUTBOUND, letter.id)
    bus.consume({Topic.OUTBOUND: arrived.put})
    assert arrived.get(timeout=PATIENCE) == EVENT
    assert bus.dead_letters(Topic.OUTBOUND).letters == []
    assert arrived.empty()


def test_a_letter_that_could_not_be_published_again_stays(pubsub: PubSub) -> None:
    with proxy_to(emulators.pubsub()) as proxy:
        bus = bus_over(pubsub, proxy.address)
        pubsub.send(pubsub.dead_topic(Topic.OUTBOUND), EVENT.model_dump_json().encode(), {}, "c")
        refuse_next(proxy, "Publish")
        with pytest.raises(StoreError):
            bus.redrive(Topic.OUTBOUND, EVENT.id)
        assert [letter.id for letter in bus.dead_letters(Topic.OUTBOUND).letters] == [EVENT.id]
        bus.close()


def refuse_next(proxy: Proxy, method: str) -> None:
    proxy.refused_methods[method] = grpc.StatusCode.PERMISSION_DENIED


def dies_unburied(pubsub: PubSub, proxy: Proxy, pace: Pace) -> tuple[PubSubBus, Queue[Event]]:
    """A bus whose consumer refuses an event until the last attempt, and that cannot publish the dead letter.

    Another event of the same key waits behind it. Gives the bus and what its consumer is handed.
    """
    handed: Queue[Event] = Queue()

    def refuse(event: Event) -> None:
        handed.put(event)
        if event.id == EVENT.id:
            raise StoreError("never")

    bus = PubSubBus(pubsub.project, pubsub.prefix, proxy.address, pace)
    bus.publish(Topic.OUTBOUND, EVENT, key="c")
    bus.publish(Topic.OUTBOUND, BEHIND, key="c")
    proxy.calls.clear()
    refuse_next(proxy, "Publish")
    bus.consume({Topic.OUTBOUND: refuse})
    attempts = [handed.get(timeout=PATIENCE) for _ in range(pace.max_attempts)]
    assert [(event.id, event.attempt) for event in attempts] == [(EVENT.id, n + 1) for n in range(pace.max_attempts)]
    eventually(lambda: "Publish" in proxy.calls, PATIENCE)
    return bus, handed


def test_a_dead_letter_that_cannot_be_published_is_kept_until_it_can(pubsub: PubSub) -> None:
    with proxy_to(emulators.pubsub()) as proxy:
        bus, handed = dies_unburied(pubsub, proxy, PACE)
        eventually(lambda: proxy.calls.count("Publish") >= 3, PATIENCE)
        assert handed.empty(), "neither the dead event nor the one behind it is handed out meanwhile"
        assert bus.dead_letters(Topic.OUTBOUND).letters == []
        del proxy.refused_methods["Publish"]
        [letter] = eventually(lambda: bus.dead_letters(Topic.OUTBOUND).letters, PATIENCE)
        assert letter.id == EVENT.id
        assert handed.get(timeout=PATIENCE) == BEHIND
        bus.close()


def test_a_dead_letter_that_is_still_unpublished_at_the_stop_is_given_back(pubsub: PubSub) -> None:
    with proxy_to(emulators.pubsub()) as proxy:
        bus, _ = dies_unburied(pubsub, proxy, replace(PACE, max_backoff=3600.0))
        bus.close()
    arrived: Queue[Event] = Queue()
    another = bus_over(pubsub)
    another.consume({Topic.OUTBOUND: arrived.put})
    # The emulator gives back what was refused at the same time in either order.
    assert {arrived.get(timeout=PATIENCE).id for _ in range(2)} == {EVENT.id, BEHIND.id}
    another.close()


def test_a_stream_that_ends_for_good_is_logged(pubsub: PubSub, caplog: pytest.LogCaptureFixture) -> None:
    bus = PubSubBus(f"test-{secrets.token_hex(6)}", emulator_host=pubsub.emulator_host)
    bus.consume({Topic.OUTBOUND: lambda event: None})
    deadline = monotonic() + PATIENCE
    while "no more events of outbound are received: NotFound" not in caplog.messages:
        assert monotonic() < deadline, caplog.messages
        sleep(0.01)
    bus.close()


def test_replaying_again_counts_no_copies_and_takes_nothing_from_who_has_not_consumed_yet(bus: PubSubBus) -> None:
    began = datetime.now(UTC) - timedelta(seconds=5)
    webhook = InboundEvent(tenant_id="t", instance_id="i", channel="c", payload={}, received_at=NOW)
    bus.publish(Topic.INBOUND, webhook, key="chat")
    assert [bus.replay(Topic.INBOUND, began) for _ in range(2)] == [1, 1]

    arrived: Queue[Event] = Queue()
    bus.consume({Topic.INBOUND: arrived.put})
    assert [arrived.get(timeout=PATIENCE) for _ in range(3)] == [webhook] * 3


@pytest.mark.parametrize(
    ("not_before", "seconds"),
    [
        (None, 0.0),
        ("2030-01-01T00:00:07+00:00", 7.0),
        ("2029-12-31T23:59:00+00:00", 0.0),
        ("2030-01-01T00:00:07", 0.0),
        ("soon", 0.0),
    ],
)
def test_a_message_waits_until_its_time(not_before: str | None, seconds: float) -> None:
    attributes = {"not_before": not_before} if not_before else {}
    assert wire.remaining_delay(attributes, NOW) == seconds


def test_an_event_is_decoded_with_its_attempt() -> None:
    event = wire.decode(Topic.OUTBOUND, EVENT.model_dump_json().encode(), attempt=3)
    assert (event, event.attempt) == (EVENT.model_copy(update={"attempt": 3}), 3)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff"])
def test_data_that_is_no_event_is_invalid(data: bytes) -> None:
    with pytest.raises(PayloadInvalid):
        wire.decode(Topic.OUTBOUND, data)


def test_a_long_reason_fits_into_an_attribute() -> None:
    assert len(wire.failure_attributes(StoreError("ü" * 2000))["reason"].encode()) <= 1024


def test_a_dead_letter_goes_back_without_what_its_death_added() -> None:
    attributes = {
        "runtime": "socket",
        **wire.failure_attributes(StoreError("x")),
        "CloudPubSubDeadLetterSourceSubscription": "s",
    }
    assert wire.without_failure_attributes(attributes) == {"runtime": "socket"}


def test_pauses_double_up_to_the_greatest() -> None:
    pace = Pace(min_backoff=10, max_backoff=600)
    assert [pace.pause_after(attempt) for attempt in range(1, 9)] == [10, 20, 40, 80, 160, 320, 600, 600]
    assert pace.pause_after(10_000) == 600


def test_what_was_closed_publishes_nothing_any_more(pubsub: PubSub) -> None:
    closed = bus_over(pubsub)
    closed.publish(Topic.OUTBOUND, EVENT, key="k")
    closed.close()
    with pytest.raises(ValueError, match="closed channel"):
        closed.publish(Topic.OUTBOUND, EVENT, key="k")


def test_of_a_subscription_no_more_is_pulled_than_was_asked_for(pubsub: PubSub, bus: PubSubBus) -> None:
    """A pull of an empty subscription takes seconds."""
    with proxy_to(emulators.pubsub()) as proxy:
        watched = replace(pubsub, emulator_host=proxy.address)
        webhook = InboundEvent(tenant_id="t", instance_id="i", channel="c", payload={}, received_at=NOW)
        bus.publish(Topic.INBOUND, webhook, key="k")
        with all_messages(watched, pubsub.retained_subscription(Topic.INBOUND), limit=1) as messages:
            assert len(list(messages)) == 1
        assert [call.rpartition("/")[2] for call in proxy.calls].count("Pull") == 1
        watched.close()
