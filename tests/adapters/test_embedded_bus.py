"""What is particular to events in SQLite."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from queue import Queue

import pytest

from shared.adapters.embedded.bus import SqliteBus, backoff, describe
from shared.adapters.embedded.engine.database import Database
from shared.adapters.embedded.engine.topic_queue import MAX_TEXTS
from shared.domain.events import Event, OutboundEvent, RealtimeEvent, ReplyEvent, Topic
from shared.errors import ConfigurationInvalid, NotFound, ProviderRejected, StoreError
from tests.eventually import eventually

PATIENCE = 30.0


def reply(id_: str) -> ReplyEvent:
    return ReplyEvent(id=id_, tenant_id="t", conversation_id="c", message_id="secret words")


def open_bus(directory: Path, max_attempts: int = 3, min_backoff: float = 0.01) -> SqliteBus:
    return SqliteBus(Database(directory), min_backoff=min_backoff, max_backoff=0.05, max_attempts=max_attempts)


def test_pauses_double_up_to_the_greatest() -> None:
    assert [backoff(n, least=10, most=600) for n in range(1, 9)] == [10, 20, 40, 80, 160, 320, 600, 600]
    assert backoff(10_000, least=10, most=600) == 600


def test_reason_has_the_detail_of_the_hubs_own_errors_only() -> None:
    assert describe(ProviderRejected("slack", "channel_not_found")) == "ProviderRejected: slack: channel_not_found"
    assert describe(ValueError("secret")) == "ValueError"


def test_attempts_and_pause_are_kept_over_a_restart(tmp_path: Path) -> None:
    refused = threading.Event()

    def refuse(_: Event) -> None:
        refused.set()
        raise ProviderRejected("slack", "no")

    first = SqliteBus(Database(tmp_path), min_backoff=60, max_backoff=60)
    stop = first.consume({Topic.REPLIES: refuse})
    first.publish(Topic.REPLIES, reply("1"), key="c")
    assert refused.wait(PATIENCE)
    stop()
    first.close()

    database = Database(tmp_path)
    ((attempts, due),) = database.read("SELECT attempts, due > unixepoch() + 30 FROM events")
    assert (attempts, due) == (1, 1)
    database.write(lambda connection: connection.execute("UPDATE events SET due = 0"))
    second = SqliteBus(database)
    arrived: Queue[Event] = Queue()
    second.consume({Topic.REPLIES: arrived.put})
    assert arrived.get(timeout=PATIENCE).attempt == 2
    second.close()


def test_acknowledged_rows_are_gone_when_stop_returns(tmp_path: Path) -> None:
    database = Database(tmp_path)
    bus = SqliteBus(database)
    arrived: Queue[Event] = Queue()
    stop = bus.consume({Topic.REPLIES: arrived.put})
    for n in range(100):
        bus.publish(Topic.REPLIES, reply(str(n)), key=str(n % 7))
    for _ in range(100):
        arrived.get(timeout=PATIENCE)
    stop()
    stop()

    assert database.read("SELECT count(*) FROM events") == [(0,)]
    bus.close()


def test_second_consumer_of_a_directory_is_refused_and_may_still_publish(tmp_path: Path) -> None:
    first, second = open_bus(tmp_path), open_bus(tmp_path)
    arrived: Queue[Event] = Queue()
    first.consume({Topic.REPLIES: arrived.put})
    with pytest.raises(ConfigurationInvalid, match="in use by another process"):
        second.consume({Topic.REPLIES: arrived.put})
    with pytest.raises(ConfigurationInvalid, match="being consumed already"):
        first.consume({Topic.REPLIES: arrived.put})

    second.publish(Topic.REPLIES, reply("1"), key="c")

    assert arrived.get(timeout=PATIENCE).id == "1"
    second.close()
    first.close()


def test_order_holds_when_two_processes_publish_in_turns(tmp_path: Path) -> None:
    consuming, publishing = open_bus(tmp_path), open_bus(tmp_path)
    arrived: Queue[Event] = Queue()
    consuming.consume({Topic.REPLIES: arrived.put})
    for n in range(0, 60, 3):
        publishing.publish(Topic.REPLIES, reply(str(n)), key="c")
        consuming.publish(Topic.REPLIES, reply(str(n + 1)), key="c")
        publishing.publish(Topic.REPLIES, reply(str(n + 2)), key="c")

    assert [arrived.get(timeout=PATIENCE).id for _ in range(60)] == [str(n) for n in range(60)]
    publishing.close()
    consuming.close()


def test_backlog_longer_than_what_is_kept_in_memory_arrives_in_order(tmp_path: Path) -> None:
    bus = SqliteBus(Database(":memory:"))
    arrived: Queue[Event] = Queue()
    release = threading.Event()

    def consumer(event: Event) -> None:
        release.wait(PATIENCE)
        arrived.put(event)

    bus.consume({Topic.REPLIES: consumer})
    for n in range(MAX_TEXTS + 50):
        bus.publish(Topic.REPLIES, reply(str(n)), key="c")
    release.set()

    received = [arrived.get(timeout=PATIENCE) for _ in range(MAX_TEXTS + 50)]
    assert received == [reply(str(n)) for n in range(MAX_TEXTS + 50)]
    bus.close()


def test_topic_without_a_consumer_keeps_its_events(tmp_path: Path) -> None:
    bus = open_bus(tmp_path)
    stop = bus.consume({Topic.REPLIES: lambda _: None})
    event = OutboundEvent(tenant_id="t", conversation_id="c")
    bus.publish(Topic.OUTBOUND, event, key="c")
    stop()

    arrived: Queue[Event] = Queue()
    bus.consume({Topic.OUTBOUND: arrived.put})
    assert arrived.get(timeout=PATIENCE) == event
    bus.close()


def test_event_of_another_topic_is_refused(tmp_path: Path) -> None:
    bus = SqliteBus(Database(":memory:"))

    with pytest.raises(TypeError):
        bus.publish(Topic.REPLIES, RealtimeEvent(tenant_id="t", room="r", name="n", payload={}), key="c")
    bus.close()


def test_row_that_cannot_be_parsed_dies_and_its_key_goes_on(tmp_path: Path) -> None:
    database = Database(tmp_path)
    bus = SqliteBus(database, min_backoff=0.01, max_backoff=0.01, max_attempts=2)
    bus.publish(Topic.REPLIES, reply("garbled"), key="c")
    database.write(lambda connection: connection.execute("""UPDATE events SET event = '{"version": 9}'"""))
    bus.publish(Topic.REPLIES, reply("next"), key="c")
    arrived: Queue[Event] = Queue()
    stop = bus.consume({Topic.REPLIES: arrived.put})
    assert arrived.get(timeout=PATIENCE).id == "next"
    stop()

    assert database.read("SELECT reason FROM dead_letters") == [("ValidationError",)]
    bus.close()


def test_log_names_event_and_topic_but_no_payload(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    died = threading.Event()

    def consumer(event: Event) -> None:
        if event.id == "next":
            died.set()
            return
        raise ValueError(event.model_dump_json())

    bus = open_bus(tmp_path, max_attempts=2)
    stop = bus.consume({Topic.REPLIES: consumer})
    with caplog.at_level(logging.INFO, "shared.adapters.embedded"):
        bus.publish(Topic.REPLIES, reply("ev1"), key="c")
        bus.publish(Topic.REPLIES, reply("next"), key="c")
        assert died.wait(PATIENCE)
    stop()
    bus.close()

    assert caplog.messages == [
        "replies: event ev1 comes again in 0.01 s: ValueError",
        "replies: event ev1 died after 2 attempts: ValueError",
    ]


def test_closing_stops_the_consumers_and_frees_the_directory(tmp_path: Path) -> None:
    bus = open_bus(tmp_path)
    bus.consume({Topic.REPLIES: lambda _: None})
    bus.close()

    other = open_bus(tmp_path)
    other.consume({Topic.REPLIES: lambda _: None})
    other.close()


def test_consumer_that_outlives_its_database_has_its_event_come_again(tmp_path: Path) -> None:
    database = Database(tmp_path)
    bus = SqliteBus(database)
    started, release = threading.Event(), threading.Event()

    def consumer(_: Event) -> None:
        started.set()
        release.wait(PATIENCE)

    bus.consume({Topic.REPLIES: consumer})
    bus.publish(Topic.REPLIES, reply("1"), key="c")
    assert started.wait(PATIENCE)
    database.close()
    release.set()
    bus.close()

    other = open_bus(tmp_path)
    arrived: Queue[Event] = Queue()
    other.consume({Topic.REPLIES: arrived.put})
    assert arrived.get(timeout=PATIENCE).id == "1"
    other.close()


def test_event_comes_again_when_its_consumer_cannot_publish(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(tmp_path)
    bus = SqliteBus(database)
    failed: Queue[StoreError] = Queue()

    def answer(_: Event) -> None:
        database.close()
        try:
            bus.publish(Topic.OUTBOUND, OutboundEvent(tenant_id="t", conversation_id="c"), key="c")
        except StoreError as error:
            failed.put(error)
            raise

    bus.consume({Topic.REPLIES: answer})
    bus.publish(Topic.REPLIES, reply("1"), key="c")
    assert failed.get(timeout=PATIENCE).detail == "the database is closed"
    lost = "an event's outcome was lost, it comes again: the database is closed"
    eventually(lambda: lost in caplog.messages)
    bus.close()

    other = open_bus(tmp_path)
    arrived: Queue[Event] = Queue()
    other.consume({Topic.REPLIES: arrived.put})
    assert arrived.get(timeout=PATIENCE).id == "1"
    other.close()


def test_letter_of_a_redrive_that_dies_again_gets_a_new_id(tmp_path: Path) -> None:
    database = Database(tmp_path)
    bus = SqliteBus(database, min_backoff=0.01, max_attempts=1)
    died: Queue[Event] = Queue()

    def refuse(event: Event) -> None:
        died.put(event)
        raise ProviderRejected("slack", "no")

    stop = bus.consume({Topic.REPLIES: refuse})
    bus.publish(Topic.REPLIES, reply("1"), key="c")
    died.get(timeout=PATIENCE)
    stop()
    (first,) = bus.dead_letters(Topic.REPLIES).letters
    stop = bus.consume({Topic.REPLIES: refuse})
    bus.redrive(Topic.REPLIES, first.id)
    died.get(timeout=PATIENCE)
    stop()

    (second,) = bus.dead_letters(Topic.REPLIES).letters
    assert second.id != first.id
    with pytest.raises(NotFound):
        bus.redrive(Topic.REPLIES, first.id)
    bus.close()


def test_event_comes_again_when_what_its_consumer_published_did_not_become_durable(tmp_path: Path) -> None:
    database = Database(tmp_path)
    bus = SqliteBus(database, min_backoff=0.01, max_backoff=0.05, max_attempts=9)
    attempts: list[int] = []
    answered: Queue[Event] = Queue()

    def limit_pages(most: int) -> None:
        database.write(lambda connection: connection.execute(f"PRAGMA max_page_count = {most}").fetchall())

    def answer(event: Event) -> None:
        attempts.append(event.attempt)
        limit_pages(1 if event.attempt == 1 else 1_000_000)  # the disk is full, and is no longer
        outbound = OutboundEvent(id="x" * 500_000, tenant_id="t", conversation_id="c")
        bus.publish(Topic.OUTBOUND, outbound, key="c")

    stop = bus.consume({Topic.REPLIES: answer, Topic.OUTBOUND: answered.put})
    bus.publish(Topic.REPLIES, reply("1"), key="c")
    answered.get(timeout=PATIENCE)
    stop()

    assert attempts == [1, 2]
    assert answered.empty()
    assert database.read("SELECT count(*) FROM events") == [(0,)]
    bus.close()


def test_one_tenant_whose_consumers_hang_leaves_a_thread_to_every_other(tmp_path: Path) -> None:
    bus = SqliteBus(Database(tmp_path), workers={Topic.REPLIES: 8})
    release = threading.Event()
    answered: Queue[str] = Queue()
    threads: set[int] = set()

    def answer(event: Event) -> None:
        threads.add(threading.get_ident())
        if event.tenant_id.startswith("slow"):
            release.wait(PATIENCE)
        answered.put(event.tenant_id)

    stop = bus.consume({Topic.REPLIES: answer})
    for n in range(30):
        for tenant in ("slow1", "slow2"):
            event = reply(f"{tenant}-{n}").model_copy(update={"tenant_id": tenant})
            bus.publish(Topic.REPLIES, event, key=event.id)
    for n in range(5):
        bus.publish(Topic.REPLIES, reply(str(n)).model_copy(update={"tenant_id": f"quick{n}"}), key=str(n))

    assert [answered.get(timeout=PATIENCE) for _ in range(5)] == [f"quick{n}" for n in range(5)]
    release.set()
    assert sorted(answered.get(timeout=PATIENCE) for _ in range(60)) == ["slow1"] * 30 + ["slow2"] * 30
    stop()
    assert len(threads) <= 8
    bus.close()


def test_events_without_a_row_get_one_when_too_many_wait_in_memory(tmp_path: Path) -> None:
    database = Database(tmp_path)
    bus = SqliteBus(database)
    release = threading.Event()
    arrived: Queue[Event] = Queue()

    def consumer(event: Event) -> None:
        release.wait(PATIENCE)
        arrived.put(event)

    stop = bus.consume({Topic.REALTIME: consumer})
    for _ in range(2):
        events = [RealtimeEvent(tenant_id="t", room="r", name=f"n{n}", payload={}) for n in range(MAX_TEXTS + 5)]
        for event in events:
            bus.publish(Topic.REALTIME, event, key="r")
        assert database.read("SELECT count(*) FROM events") == [(5,)]
        release.set()
        assert [arrived.get(timeout=PATIENCE) for _ in events] == events
        release.clear()
    release.set()
    stop()
    bus.close()
