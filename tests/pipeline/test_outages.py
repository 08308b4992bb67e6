"""A provider that serves nobody: it shows, nothing is lost, and what waits goes out when it is back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count

import pytest

from shared.domain.events import Topic
from shared.domain.outbox import OutboxStatus
from shared.outgoing.concurrency import QUICK_SECONDS, Slots
from shared.ports.store import Delete, Merge
from shared.usecases.delivery.settling import MAX_ATTEMPTS
from tests import refs
from tests.evolution import Evolution, recorded
from tests.pipeline.manual_hub import ManualHub, another_process
from tests.pipeline.sending import accepted, fate, work
from tests.stubs import Answer, Received, Reply, Stub

DOWN = Reply(502, text="<html>Bad Gateway</html>", headers={"content-type": "text/html"})


class Server(Evolution):
    """An Evolution that can be down as a whole, behind its proxy."""

    def __init__(self, stub: Stub) -> None:
        super().__init__(stub)
        self.state = "open"
        self.is_down = False
        self.sent: list[str] = []
        stub.on("GET", "/instance/connectionState/", self._or_down(self._state))
        stub.on("POST", "/message/sendText/", self._or_down(self._send))

    def _or_down(self, serve: Callable[[Received], Reply]) -> Answer:
        return lambda request: DOWN if self.is_down else serve(request)

    def _send(self, request: Received) -> Reply:
        self.sent.append(request.json["text"])
        key = {"remoteJid": request.json["number"], "fromMe": True, "id": f"OUT{len(self.sent)}"}
        return Reply(201, recorded("rest-sendText") | {"key": key})

    def tries(self) -> int:
        return len(self.stub.to("/message/sendText/"))


@pytest.fixture
def server(provider: Stub) -> Server:
    return Server(provider)


@pytest.fixture
def shop(manual_hub: ManualHub, server: Server) -> ManualHub:
    config = {"whatsappInstance": "shop", "evolutionKey": "K3Y" * 5, "pacePerSecond": 0}
    manual_hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": config}, 201)
    manual_hub.work()
    return manual_hub


def _send(hub: ManualHub, number: int) -> None:
    to = {
        "channelInstanceId": _channel_id(hub),
        "externalUserId": f"55119888877{number:02}",
        "text": f"message {number}",
    }
    hub.post("/api/messages/send", to, 202)
    hub.work()


def _pass(hub: ManualHub, seconds: int) -> None:
    """Let time pass as it does: what is due is done every five seconds."""
    for second in range(0, seconds, 5):
        hub.wait(seconds=5)
        hub.tick() if second % 60 == 0 else hub.work()


def _status(hub: ManualHub) -> str:
    return str(hub.get("/api/channels")[0]["status"])


def _channel_id(hub: ManualHub) -> str:
    return str(hub.get("/api/channels")[0]["id"])


def _titles(hub: ManualHub) -> list[str]:
    return [each["title"] for each in hub.documents("notifications", tenant_id=hub.tenant_id)]


def test_what_waits_goes_out_within_fifteen_seconds_of_the_return(shop: ManualHub, server: Server) -> None:
    server.is_down = True
    for number in range(3):
        _send(shop, number)
    _pass(shop, 600)
    assert server.sent == []
    server.is_down = False
    _pass(shop, 15)
    assert server.sent == ["message 0", "message 1", "message 2"]
    assert {item["status"] for item in shop.documents("outbox")} == {OutboxStatus.SENT}
    assert _status(shop) == "CONNECTED"


def test_a_server_that_is_down_is_not_bothered_by_every_message(shop: ManualHub, server: Server) -> None:
    server.is_down = True
    for number in range(20):
        _send(shop, number)
    _pass(shop, 600)
    assert server.tries() == 1, "the others wait for a check that succeeds"


def test_it_shows_after_two_minutes_and_is_told_once(shop: ManualHub, server: Server) -> None:
    server.is_down = True
    _send(shop, 1)
    _pass(shop, 100)
    assert _status(shop) == "CONNECTED"
    _pass(shop, 40)
    assert _status(shop) == "ERROR"
    assert "502" in shop.get("/api/channels")[0]["statusDetail"]
    _pass(shop, 1200)
    assert _titles(shop) == ["Channel Error"]


@pytest.mark.parametrize(
    ("status", "visible"),
    [("connecting", "ERROR"), ("waiting_for_scan", "ERROR"), ("disconnected", "DISCONNECTED")],
)
def test_only_a_channel_that_could_work_shows_an_outage(
    shop: ManualHub, server: Server, status: str, visible: str
) -> None:
    server.is_down = True
    _send(shop, 1)
    shop.store.commit([Merge(refs.instance(_channel_id(shop)), {"status": status})])
    _pass(shop, 140)
    assert _status(shop) == visible


def test_it_shows_also_where_nobody_sends(shop: ManualHub, server: Server) -> None:
    server.is_down = True
    _pass(shop, 360)
    assert _status(shop) == "ERROR"
    server.is_down = False
    _pass(shop, 15)
    assert _status(shop) == "CONNECTED"


def test_a_message_waits_three_days_and_no_longer(shop: ManualHub, server: Server) -> None:
    server.is_down = True
    _send(shop, 1)
    shop.wait(days=2, hours=23)
    shop.tick()
    assert shop.documents("outbox")[0]["open"] is True
    shop.wait(hours=2)
    shop.tick()
    assert shop.documents("outbox")[0]["reason"] == "retries_exhausted"


def test_a_server_that_never_comes_back_is_left_to_the_usual_checks(shop: ManualHub, server: Server) -> None:
    server.is_down = True
    _send(shop, 1)
    shop.wait(days=4)
    shop.tick()
    check_count = len(shop.provider.to("/instance/connectionState/"))
    for _ in range(10):
        shop.wait(seconds=11)
        shop.work()
    assert len(shop.provider.to("/instance/connectionState/")) == check_count


def test_a_check_that_was_lost_is_begun_again(shop: ManualHub, server: Server) -> None:
    server.is_down = True
    _send(shop, 1)
    shop.forget_owed()
    shop.wait(minutes=2)
    shop.tick()
    server.is_down = False
    _pass(shop, 15)
    assert server.sent == ["message 1"]


def test_two_workers_that_miss_a_check_at_once_begin_one(shop: ManualHub, server: Server) -> None:
    server.is_down = True
    _, first = accepted(shop, _channel_id(shop), chat=5511988887701)
    shop.work()
    _, second = accepted(shop, _channel_id(shop), chat=5511988887702)
    shop.wait(minutes=2)
    shop.new_events(Topic.OUTBOUND)
    shop.overlaps.store.before_commit("instances", lambda: work(shop, second))
    work(shop, first)
    assert len([event for event in shop.new_events(Topic.OUTBOUND) if getattr(event, "account_id", None)]) == 1


def test_a_channel_that_is_deleted_during_an_outage_takes_its_messages_along(shop: ManualHub, server: Server) -> None:
    process = another_process(shop.deps)
    server.is_down = True
    message_id, conversation = accepted(shop, _channel_id(shop), chat=5511988887701)
    work(shop, conversation, process)
    shop.store.commit([Delete(refs.instance(_channel_id(shop)))])
    for _ in range(2):
        shop.wait(minutes=2)
        work(shop, conversation, process)
    assert fate(shop, message_id) == "DEAD"


def test_a_server_that_goes_down_at_the_last_try_is_waited_for(shop: ManualHub, server: Server) -> None:
    fails = Reply(500, {"status": 500, "error": "Internal Server Error", "response": {"message": "prisma failed"}})
    shop.provider.on("POST", "/message/sendText/", fails, times=MAX_ATTEMPTS)
    message_id, conversation = accepted(shop, _channel_id(shop), chat=5511988887701)
    for _ in range(MAX_ATTEMPTS - 1):
        work(shop, conversation)
        shop.wait(minutes=1)
    shop.provider.on("GET", "/instance/connectionState/", DOWN)
    work(shop, conversation)
    assert fate(shop, message_id) == "FAILED"


def test_a_server_that_hangs_holds_up_one_message(shop: ManualHub, server: Server) -> None:
    server.is_down = True
    shop.provider.on("POST", "/message/sendText/", Reply(drop=True))
    for number in range(5):
        _send(shop, number)
    assert server.tries() == 1, "the others wait until the server answers"
    # What became of the first is asked a few times, for as long as this machine takes for the others.
    assert [item["status"] for item in shop.documents("outbox")].count("PENDING") == 4


def test_an_unknown_outcome_at_a_server_that_answers_holds_up_nothing(shop: ManualHub, server: Server) -> None:
    shop.provider.on("POST", "/message/sendText/", Reply(drop=True), times=1)
    for number in range(5):
        _send(shop, number)
    assert server.sent == ["message 1", "message 2", "message 3", "message 4"]


@pytest.mark.parametrize(("seconds", "most"), [(0.0, 12), (QUICK_SECONDS, 4)], ids=["quick", "hangs"])
def test_one_account_never_takes_all_threads(shop: ManualHub, server: Server, seconds: float, most: int) -> None:
    channel_id = _channel_id(shop)
    messages = [accepted(shop, channel_id, chat=5511988887700 + number) for number in range(most + 5)]
    conversations = iter([conversation for _, conversation in messages])
    passing = count()
    process = replace(shop.deps, sending=Slots(16, lambda: next(passing) * seconds))
    sending: list[Received] = []

    def send(request: Received) -> Reply:
        """While one message is on its way another thread takes the next."""
        sending.append(request)
        for conversation in conversations:
            with ThreadPoolExecutor(1) as thread:
                thread.submit(work, shop, conversation, process).result()
        return server._send(request)

    shop.provider.on("POST", "/message/sendText/", send)
    work(shop, next(conversations), process)
    assert len(sending) == most
    _pass(shop, 5)
    assert shop.idle()


def test_a_failure_of_sending_alone_is_no_outage(shop: ManualHub, server: Server) -> None:
    shop.provider.on("POST", "/message/sendText/", DOWN)
    _send(shop, 1)
    for _ in range(12):
        shop.wait(minutes=1)
        shop.tick()
    assert shop.documents("outbox")[0]["reason"] == "retries_exhausted"
    assert _status(shop) == "CONNECTED"
