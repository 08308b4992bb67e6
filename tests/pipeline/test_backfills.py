"""What was said while no webhook came is fetched, and what is old is left to people."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.messages import Direction
from tests.evolution import MARIA, Evolution, recorded, upsert, written
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Received, Reply, Stub


class Archive(Evolution):
    """An Evolution that keeps messages, and tells them two a page, the newest first."""

    def __init__(self, stub: Stub) -> None:
        super().__init__(stub)
        self.state = "open"
        self.records: list[dict[str, Any]] = []
        stub.on("POST", "/chat/findMessages/", self._find)
        stub.on("POST", "/message/sendText/", Reply(201, recorded("rest-sendText")))

    def _find(self, request: Received) -> Reply:
        newest_first = self.records[::-1]
        start = (request.json["page"] - 1) * 2
        pages = (len(newest_first) + 1) // 2
        page = {"total": len(newest_first), "pages": pages, "currentPage": request.json["page"]}
        return Reply(json={"messages": page | {"records": newest_first[start : start + 2]}})

    def looks(self) -> int:
        return len([request for request in self.stub.to("/chat/findMessages/") if request.json["page"] == 1])


@pytest.fixture
def archive(provider: Stub) -> Archive:
    return Archive(provider)


@pytest.fixture
def shop(manual_hub: ManualHub, archive: Archive) -> ManualHub:
    """A hub whose WhatsApp customers are answered, and that has looked at its account once."""
    config = {"whatsappInstance": "shop", "evolutionKey": "K3Y" * 5}
    manual_hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": config}, 201)
    manual_hub.echo_agent()
    manual_hub.wait(minutes=3)
    manual_hub.tick()
    assert archive.looks() == 0, "what was there before the hub is not its own"
    return manual_hub


def _record(hub: ManualHub, text: str, minutes_ago: float = 0, **key: Any) -> dict[str, Any]:
    sent_at = hub.deps.now() - timedelta(minutes=minutes_ago)
    return written(text, **key) | {"messageTimestamp": int(sent_at.timestamp())}


def _look(hub: ManualHub, **duration: float) -> None:
    hub.wait(**duration)
    hub.tick()


def _came(hub: ManualHub) -> list[str | None]:
    return [message.text for message in hub.messages(Direction.INBOUND)]


def test_after_an_outage_of_the_hub_what_is_missing_is_fetched_once(shop: ManualHub, archive: Archive) -> None:
    archive.send(shop.client, upsert(written("came by itself")))
    shop.work()
    shop.wait(minutes=30)
    archive.records = [written("came by itself"), *(_record(shop, f"missed {n}", 1) for n in range(4))]
    shop.tick()
    assert sorted(map(str, _came(shop))) == ["came by itself", "missed 0", "missed 1", "missed 2", "missed 3"]
    _look(shop, minutes=3)
    assert (archive.looks(), len(_came(shop))) == (1, 5)


def test_what_is_young_is_answered_and_what_is_old_is_left_to_a_person(shop: ManualHub, archive: Archive) -> None:
    shop.wait(minutes=60)
    other = "5511977776666@s.whatsapp.net"
    archive.records = [_record(shop, "old", 40), _record(shop, "young", 5, remoteJid=other)]
    shop.tick()
    assert [request.json["text"] for request in shop.provider.to("/message/sendText/")] == ["Echo: young"]
    by_address = {each.external_user_id: each for each in shop.conversations()}
    assert (by_address[MARIA].needs_human, by_address[other].needs_human) == (True, False)
    notes = [message.text for message in shop.messages(Direction.SYSTEM)]
    assert len(notes) == 1
    assert "too late" in str(notes[0])


def test_once_a_day_it_is_looked_whether_something_was_lost(shop: ManualHub, archive: Archive) -> None:
    for _ in range(170):
        shop.wait(minutes=9)
        shop.tick()
    assert archive.looks() == 1


def test_an_account_that_connected_again_is_looked_at(shop: ManualHub, archive: Archive) -> None:
    archive.send(shop.client, recorded("connection.update-connecting"))
    shop.work()
    archive.scan(shop.client)
    shop.work()
    archive.records = [_record(shop, "missed", 1)]
    _look(shop, minutes=3)
    assert _came(shop) == ["missed"]


def test_a_server_that_keeps_no_messages_costs_nothing(shop: ManualHub, archive: Archive) -> None:
    shop.provider.on("POST", "/chat/findMessages/", Reply(400, {"message": "no database"}))
    _look(shop, minutes=30)
    assert shop.get("/api/channels")[0]["status"] == "CONNECTED"


def test_groups_and_the_account_itself_keep_their_places(shop: ManualHub, archive: Archive) -> None:
    shop.wait(minutes=30)
    archive.records = [
        _record(shop, "by phone", 2, fromMe=True),
        _record(shop, "story", 1, remoteJid="status@broadcast"),
    ]
    shop.tick()
    assert [message.text for message in shop.messages(Direction.OUTBOUND)] == ["by phone"]
    assert _came(shop) == []
