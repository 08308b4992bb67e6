"""A process's own view of a topic on Pub/Sub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from queue import Queue

import grpc
import pytest

from shared.adapters.google.bus import PubSubBus
from shared.adapters.google.feed import Feed
from shared.adapters.google.pubsub import PubSub, ensure_topics
from shared.domain.events import Event, RealtimeEvent, Topic
from shared.errors import StoreError
from tests.adapters.backends import Backend, emulators
from tests.adapters.backends.google import PACE, project
from tests.adapters.backends.grpc_proxy import proxy_to
from tests.eventually import eventually

PATIENCE = 40.0
Opened = Callable[..., Feed]


@pytest.fixture
def backend_name() -> str:
    return "google"


@pytest.fixture
def pubsub(backend: Backend) -> Iterator[PubSub]:
    pubsub = PubSub(project(), prefix="hub-", emulator_host=emulators.pubsub())
    ensure_topics(pubsub)
    yield pubsub
    pubsub.close()


@contextmanager
def bus_over(pubsub: PubSub, address: str | None = None) -> Iterator[PubSubBus]:
    bus = PubSubBus(pubsub.project, pubsub.prefix, address or pubsub.emulator_host, PACE)
    yield bus
    bus.close()


@pytest.fixture
def bus(pubsub: PubSub) -> Iterator[PubSubBus]:
    with bus_over(pubsub) as bus:
        yield bus


def _event(name: str) -> RealtimeEvent:
    return RealtimeEvent(tenant_id="t", room="r", name=name, payload={})


def _publish(bus: PubSubBus, *names: str) -> None:
    for name in names:
        bus.publish(Topic.REALTIME, _event(name), key="r")


def _names(arrived: Queue[Event], count: int) -> list[str]:
    events = [arrived.get(timeout=PATIENCE) for _ in range(count)]
    return [event.name for event in events if isinstance(event, RealtimeEvent)]


def _subscriptions(pubsub: PubSub) -> list[str]:
    listed = pubsub.subscriber.list_subscriptions(request={"project": f"projects/{pubsub.project}"})
    return [each.name for each in listed if "-feed-" in each.name]


def test_every_process_sees_all_events_in_their_order(bus: PubSubBus) -> None:
    seen: list[Queue[Event]] = [Queue(), Queue()]
    feeds = [bus.feed(Topic.REALTIME, each.put, f"process-{n}") for n, each in enumerate(seen)]
    _publish(bus, "one", "two", "three")
    assert [_names(each, 3) for each in seen] == [["one", "two", "three"]] * 2
    assert [feed.alive for feed in feeds] == [True, True]
    for feed in feeds:
        feed.close()


def test_an_event_that_one_process_refuses_is_gone_for_it_and_the_next_one_comes(
    bus: PubSubBus, caplog: pytest.LogCaptureFixture
) -> None:
    seen: Queue[Event] = Queue()

    def look(event: Event) -> None:
        seen.put(event)
        if seen.qsize() == 1:
            raise StoreError("not now")

    feed = bus.feed(Topic.REALTIME, look, "process")
    _publish(bus, "one", "two")
    eventually(lambda: seen.qsize() == 2, PATIENCE)
    assert _names(seen, 2) == ["one", "two"]
    assert "an event of realtime was lost on one process" in caplog.messages
    feed.close()


def test_its_subscription_outlives_neither_the_process_nor_a_day(pubsub: PubSub, bus: PubSubBus) -> None:
    feed = bus.feed(Topic.REALTIME, lambda event: None, "process")
    assert _subscriptions(pubsub) == [feed.subscription]
    subscription = pubsub.subscriber.get_subscription(subscription=feed.subscription)
    assert subscription.expiration_policy.ttl == timedelta(days=1)
    assert subscription.message_retention_duration == timedelta(minutes=10)
    assert (subscription.ack_deadline_seconds, subscription.enable_message_ordering) == (10, True)
    feed.close()
    assert not feed.alive
    assert _subscriptions(pubsub) == []


def test_closing_is_no_error_when_its_subscription_is_gone(
    pubsub: PubSub, bus: PubSubBus, caplog: pytest.LogCaptureFixture
) -> None:
    feed = bus.feed(Topic.REALTIME, lambda event: None, "process")
    pubsub.subscriber.delete_subscription(subscription=feed.subscription)
    feed.close()
    assert f"{feed.subscription} was left for Pub/Sub to remove: Pub/Sub did not answer: NotFound" in caplog.messages


def test_who_cannot_subscribe_is_told_so_and_who_is_refused_for_the_moment_subscribes_again(pubsub: PubSub) -> None:
    with proxy_to(emulators.pubsub()) as proxy, bus_over(pubsub, proxy.address) as bus:
        proxy.refused_methods["CreateSubscription"] = grpc.StatusCode.PERMISSION_DENIED
        with pytest.raises(StoreError):
            bus.feed(Topic.REALTIME, lambda event: None, "process")
        assert _subscriptions(pubsub) == []
        del proxy.refused_methods["CreateSubscription"]
        proxy.refusals = [grpc.StatusCode.UNAVAILABLE]
        feed = bus.feed(Topic.REALTIME, lambda event: None, "process")
        assert _subscriptions(pubsub) == [feed.subscription]
        proxy.calls.clear()
        feed.close()
        assert [call.rpartition("/")[2] for call in proxy.calls if "Delete" in call] == ["DeleteSubscription"]
