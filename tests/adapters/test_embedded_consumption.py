"""How a run of consuming ends, and when an event may be acknowledged."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from shared.adapters.embedded.engine.acknowledgement import PendingAcknowledgement
from shared.adapters.embedded.engine.consumption import Consumption
from shared.adapters.embedded.engine.database import Database
from shared.adapters.embedded.engine.topic_queue import QueuedEvent
from shared.domain.events import Topic
from tests.eventually import eventually

PATIENCE = 30.0
AT_WORK = "stopped consuming while a consumer was still at work"


@pytest.fixture
def database() -> Iterator[Database]:
    opened = Database(":memory:")
    yield opened
    opened.close()


def event(number: int) -> QueuedEvent:
    return QueuedEvent(number, Topic.REPLIES, key=str(number), tenant_id="t", text="")


def test_stopping_ends_idle_threads_at_once(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    handled = threading.Semaphore(0)

    def handle(consumption: Consumption, queued: QueuedEvent) -> None:
        consumption.complete(queued)
        handled.release()

    consumption = Consumption(database, {Topic.REPLIES: 4, Topic.OUTBOUND: 4}, handle)
    consumption.start()
    for number in range(1, 4):
        consumption.add(event(number))
        assert handled.acquire(timeout=PATIENCE)

    consumption.stop(patience=10.0)

    assert not consumption.alive
    assert caplog.messages == []


def test_stopping_waits_no_longer_than_its_patience_for_a_consumer_at_work(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    started, release, ended = threading.Event(), threading.Event(), threading.Event()

    def handle(consumption: Consumption, queued: QueuedEvent) -> None:
        started.set()
        release.wait(PATIENCE)
        consumption.complete(queued)
        ended.set()

    consumption = Consumption(database, {Topic.REPLIES: 1}, handle)
    consumption.start()
    consumption.add(event(1))
    assert started.wait(PATIENCE)

    consumption.stop(0.05)

    assert caplog.messages == [AT_WORK]
    assert not ended.is_set()
    release.set()
    assert ended.wait(PATIENCE)


def test_a_database_that_does_not_answer_is_asked_again(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    consumption = Consumption(database, {Topic.REPLIES: 1}, lambda _, __: None)
    consumption.start()
    database.close()

    eventually(lambda: caplog.messages.count("could not look for new events: the database is closed") >= 1)

    assert consumption.alive
    consumption.stop(PATIENCE)


def test_an_event_is_acknowledged_once_when_all_that_it_led_to_is_done() -> None:
    outcomes: list[Exception | None] = []
    pending = PendingAcknowledgement(outcomes.append)
    pending.add()
    pending.add()

    pending.finish()
    pending.finish()
    assert outcomes == []
    pending.finish()

    assert outcomes == [None]


@pytest.mark.parametrize("failing", [(0,), (1,), (2,), (0, 2), (1, 2)])
def test_the_first_failure_of_several_parts_is_that_of_the_event(failing: tuple[int, ...]) -> None:
    outcomes: list[Exception | None] = []
    pending = PendingAcknowledgement(outcomes.append)
    pending.add()
    pending.add()
    failures = {part: ValueError(part) for part in failing}

    for part in range(3):
        pending.finish(failures.get(part))

    assert outcomes == [failures[failing[0]]]
