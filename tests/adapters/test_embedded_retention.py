"""How long SQLite keeps the webhooks that were consumed, and documents that expire."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from queue import Queue

import pytest

from shared.adapters.embedded.bus import SqliteBus
from shared.adapters.embedded.engine.database import Database
from shared.adapters.embedded.retention import EXPIRING
from shared.adapters.embedded.store import SqliteStore
from shared.domain.events import Event, InboundEvent, ReplyEvent, Topic
from shared.ports.store import Create, Ref
from tests.adapters.traffic import consuming, ids, take
from tests.eventually import eventually

ROOT = Path(__file__).parents[2]
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 24 * 60 * 60


def _webhook(id_: str) -> InboundEvent:
    return InboundEvent(id=id_, tenant_id="t", instance_id="i", channel="c", payload={}, received_at=BEGINNING)


def _consume(database: Database, *webhooks: str) -> list[str]:
    """What a process that has just started consumes, these webhooks among it."""
    bus = SqliteBus(database)
    arrived: Queue[Event] = Queue()
    for id_ in webhooks:
        bus.publish(Topic.INBOUND, _webhook(id_), key="chat")
    waiting = database.read("SELECT count(*) FROM events")[0][0]
    with consuming(bus, {Topic.INBOUND: arrived.put}):
        return ids(take(arrived, waiting))


def _age(database: Database, id_: str, days: float) -> None:
    sql = "UPDATE consumed SET consumed_at = consumed_at - ? WHERE event LIKE ?"
    database.write(lambda connection: connection.execute(sql, (days * DAY, f'%"{id_}"%')))


def _set_death(connection: sqlite3.Connection, row_id: int, died_at: datetime) -> None:
    connection.execute("UPDATE dead_letters SET died_at = ? WHERE id = ?", (died_at.isoformat(), row_id))


def test_a_webhook_is_kept_for_a_week_after_it_was_consumed(tmp_path: Path) -> None:
    database = Database(tmp_path)
    assert _consume(database, "eight days old", "six days old") == ["eight days old", "six days old"]
    _age(database, "eight days old", 8)
    _age(database, "six days old", 6)
    _consume(database, "new")
    assert SqliteBus(database).replay(Topic.INBOUND, BEGINNING) == 2
    assert _consume(database) == ["six days old", "new"]
    database.close()


@pytest.mark.parametrize(("days_ago", "expected"), [(7, 2), (5, 1)])
def test_a_replay_goes_by_when_a_webhook_was_consumed(tmp_path: Path, days_ago: int, expected: int) -> None:
    database = Database(tmp_path)
    _consume(database, "six days old", "new")
    _age(database, "six days old", 6)
    assert SqliteBus(database).replay(Topic.INBOUND, datetime.now(UTC) - timedelta(days=days_ago)) == expected
    database.close()


def test_what_follows_from_webhooks_is_not_kept(tmp_path: Path) -> None:
    bus = SqliteBus(Database(tmp_path))
    arrived: Queue[Event] = Queue()
    bus.publish(Topic.REPLIES, ReplyEvent(tenant_id="t", conversation_id="c", message_id="m"), key="c")
    with consuming(bus, {Topic.REPLIES: arrived.put}):
        take(arrived, 1)
    assert bus.replay(Topic.REPLIES, BEGINNING) == 0
    bus.close()


def test_a_dead_letter_is_kept_for_a_month(tmp_path: Path) -> None:
    database = Database(tmp_path)
    bus = SqliteBus(database, max_attempts=1)

    def refuse(event: Event) -> None:
        raise ValueError(event.id)

    bus.publish(Topic.INBOUND, _webhook("32 days dead"), key="a")
    bus.publish(Topic.INBOUND, _webhook("30 days dead"), key="a")
    with consuming(bus, {Topic.INBOUND: refuse}):
        eventually(lambda: len(bus.dead_letters(Topic.INBOUND).letters) == 2)
    for letter in bus.dead_letters(Topic.INBOUND).letters:
        died_at = letter.died_at - timedelta(days=int(letter.event.id[:2]))
        change = partial(_set_death, row_id=int(letter.id), died_at=died_at)
        database.write(change)
    _consume(database, "new")
    [letter] = SqliteBus(database).dead_letters(Topic.INBOUND).letters
    assert letter.event.id == "30 days dead"
    database.close()


def test_what_is_still_waiting_is_not_there_twice_after_a_replay(tmp_path: Path) -> None:
    database = Database(tmp_path)
    _consume(database, "consumed")
    bus = SqliteBus(database)
    bus.publish(Topic.INBOUND, _webhook("waiting"), key="chat")
    assert bus.replay(Topic.INBOUND, BEGINNING) == 1
    assert _consume(database) == ["waiting", "consumed"]
    database.close()


def test_documents_that_have_expired_are_deleted_and_others_stay(tmp_path: Path) -> None:
    database = Database(tmp_path)
    store, now = SqliteStore(database), datetime.now(UTC)
    for collection in ("tool_usage", "messages"):
        for name, fields in (
            ("expired", {"expires_at": now - timedelta(minutes=1)}),
            ("valid", {"expires_at": now + timedelta(minutes=1)}),
            ("endless", {"expires_at": None}),
            ("without", {"text": "a message has none"}),
        ):
            store.commit([Create(Ref(collection, name), fields)])
    _consume(database, "an event, whose acknowledgement tidies up")
    for collection in ("tool_usage", "messages"):
        refs = [Ref(collection, name) for name in ("expired", "valid", "endless", "without")]
        assert {ref.id for ref in store.get(refs)} == {"valid", "endless", "without"}
    database.close()


def test_the_same_collections_expire_as_on_google_cloud() -> None:
    declared = json.loads((ROOT / "infra/firestore/indexes.json").read_text("utf-8"))["fieldOverrides"]
    assert sorted(EXPIRING) == sorted(each["collectionGroup"] for each in declared if each.get("ttl"))
