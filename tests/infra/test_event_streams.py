"""Clients that follow a tenant's events by a cursor: after a gap nothing is lost, and nothing comes twice."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
import requests

from infra.local.server.asgi import Message, Receive, Scope, Send
from infra.sockets.admission import ConnectionLimits
from infra.sockets.event_streams import PATH, EventStreams
from infra.sockets.server import SocketServer
from infra.sockets.streams import Streams
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Role
from shared.domain.event_log import LoggedEvent, Position
from shared.domain.events import RealtimeEvent
from shared.domain.notifications import Notification
from shared.errors import AlreadyExists, StoreError
from shared.ports.store import Create, Delete, Ref
from shared.usecases import event_log, realtime
from tests.documents import a_message, an_outbox_item
from tests.infra.clients import Client, Connect, a_conversation, happens, stored_instance, token_for
from tests.infra.hosting import hosted
from tests.infra.test_socket_outages import FailingStore

Caller: TypeAlias = tuple[str, str]
"""A tenant whose person calls, and the address from which they do."""


@dataclass
class Stream:
    """A reader of server-sent events, as a browser is one."""

    url: str
    headers: dict[str, str]
    last_id: str | None = None
    response: requests.Response | None = field(default=None, repr=False)

    def open(self) -> None:
        named = {"Last-Event-ID": self.last_id} if self.last_id else {}
        self.response = requests.get(self.url, headers=self.headers | named, stream=True, timeout=10)
        assert self.response.status_code == 200, self.response.text
        self._lines = self.response.iter_lines(chunk_size=1, decode_unicode=True)

    def next(self) -> tuple[str, Any]:
        event: dict[str, str] = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if name:
                event[name] = value
            elif "event" in event:
                self.last_id = event["id"]
                return event["event"], json.loads(event["data"])
        raise AssertionError("the stream has ended")

    def close(self) -> None:
        if self.response is not None:
            self.response.close()


@pytest.fixture
def stream(deps: Deps, server: str) -> Iterator[Stream]:
    stored_instance(deps)
    headers = {"Authorization": f"Bearer {token_for(deps, 't1')}"}
    with closing(Stream(f"{server}/api/events/stream", headers)) as stream:
        yield stream


@pytest.fixture(params=["websocket"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _say(deps: Deps, *numbers: int) -> None:
    for number in numbers:
        happens(realtime.message_created, deps, a_message(id=f"m{number}"))


def _ids(*events: tuple[str, Any]) -> list[str]:
    return [payload["message"]["id"] for _, payload in events]


def _follow(client: Client, since: str | None) -> Any:
    return client.ask("join-tenant", {"since": since})


def test_a_client_that_comes_back_is_told_what_it_has_missed_in_order_and_once(
    deps: Deps, server: str, client: Connect
) -> None:
    stored_instance(deps)
    token = token_for(deps, "t1")
    first = client(token)
    assert _follow(first, None)["reload"] is False
    _say(deps, 1, 2)
    events = [first.next(), first.next()]
    assert _ids(*events) == ["m1", "m2"]
    first.close()
    _say(deps, 3, 4)
    back = client(token)
    assert _follow(back, events[0][1]["cursor"])["reload"] is False  # the second one was lost on the way
    _say(deps, 5)
    assert _ids(*[back.next() for _ in range(4)]) == ["m2", "m3", "m4", "m5"]
    assert back.came.empty()


def test_who_follows_and_has_joined_a_channel_hears_everything_once(deps: Deps, client: Connect) -> None:
    stored_instance(deps)
    both = client(token_for(deps, "t1"))
    both.enter("i1")
    _follow(both, None)
    _say(deps, 1)
    realtime.emit(deps, "t1", "i1", "whatsapp-connected", {})
    happens(realtime.conversation_updated, deps, a_conversation())
    _say(deps, 2)
    names = sorted(both.next()[0] for _ in range(4))
    assert names == ["conversation-updated", "message-created", "message-created", "whatsapp-connected"]
    assert both.came.empty()


def test_events_of_parallel_writers_are_told_once_however_often_the_connection_breaks(
    deps: Deps, client: Connect
) -> None:
    stored_instance(deps)
    token = token_for(deps, "t1")
    event_log.follow(deps, "t1")
    cursor = event_log.start(deps, "t1").to_cursor()
    writers = [threading.Thread(target=_say, args=(deps, *range(10 * number, 10 * number + 10))) for number in range(4)]
    for writer in writers:
        writer.start()
    ids: list[str] = []
    while len(ids) < 40:
        connection = client(token)
        assert _follow(connection, cursor)["reload"] is False
        for _ in range(min(9, 40 - len(ids))):
            payload = connection.next()[1]
            ids.append(payload["message"]["id"])
            cursor = payload["cursor"]
        connection.close()
    for writer in writers:
        writer.join()
    assert sorted(ids) == sorted(f"m{number}" for number in range(40))


def test_a_personal_notification_is_told_to_its_person_alone(deps: Deps, client: Connect) -> None:
    stored_instance(deps)
    agent, admin = client(token_for(deps, "t1", role=Role.AGENT)), client(token_for(deps, "t1"))
    for each in (agent, admin):
        _follow(each, None)
    notification = Notification(
        id="n1", tenant_id="t1", type="mention", title="T", message="M", user_id="agent-t1", created_at=deps.now()
    )
    happens(realtime.notification_created, deps, notification)
    _say(deps, 1)
    assert [agent.next()[0], agent.next()[0]] == ["notification-created", "message-created"]
    assert admin.next()[0] == "message-created"


def test_nobody_follows_another_tenant(deps: Deps, client: Connect) -> None:
    stored_instance(deps)
    stranger = client(token_for(deps, "t2"))
    event_log.follow(deps, "t1")
    cursor = event_log.start(deps, "t1").to_cursor()
    _say(deps, 1)
    _follow(stranger, cursor)
    realtime.emit(deps, "t2", "i9", "whatsapp-connected", {})
    assert stranger.next()[0] == "whatsapp-connected"


@pytest.mark.parametrize("since", ["x", "e30", "WzFd", "[" * 40])
def test_a_cursor_that_is_too_old_or_none_has_the_client_reload(deps: Deps, client: Connect, since: str) -> None:
    stored_instance(deps)
    back = client(token_for(deps, "t1"))
    answer = _follow(back, since)
    assert (answer["ok"], answer["reload"]) == (True, True)
    week_old = Position(deps.now() - timedelta(days=8), deps.now() - timedelta(days=8)).to_cursor()
    assert _follow(back, week_old)["reload"] is True
    assert _follow(back, answer["cursor"])["reload"] is False
    assert back.ask("join-tenant", {"since": 7})["ok"] is False


def test_a_broken_stream_goes_on_after_its_last_event(deps: Deps, stream: Stream) -> None:
    stream.open()
    assert stream.next() == ("joined", {})
    _say(deps, 1)
    assert _ids(stream.next()) == ["m1"]
    stream.close()
    _say(deps, 2, 3)
    stream.open()
    assert _ids(stream.next(), stream.next()) == ["m2", "m3"]
    _say(deps, 4)
    assert _ids(stream.next()) == ["m4"]


def test_a_stream_wants_a_credential_and_a_known_cursor(deps: Deps, stream: Stream, server: str) -> None:
    assert requests.get(stream.url, headers={"Authorization": "Bearer x"}, timeout=10).status_code == 401
    page = stream.headers | {"Origin": "https://elsewhere.example"}
    assert requests.get(stream.url, headers=page, timeout=10).status_code == 403
    stream.last_id = "x"
    stream.open()
    assert stream.next() == ("reload", {})


def test_a_page_of_an_allowed_origin_may_show_its_credential_in_a_header(stream: Stream) -> None:
    origin = "http://localhost:5173"
    requested = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization,last-event-id",
    }
    preflight = requests.options(stream.url, headers={"Origin": origin} | requested, timeout=10)
    assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (204, origin)
    names = {name.strip().lower() for name in preflight.headers["Access-Control-Allow-Headers"].split(",")}
    assert {"authorization", "x-api-key", "last-event-id"} <= names
    elsewhere = requests.options(stream.url, headers={"Origin": "https://elsewhere.example"} | requested, timeout=10)
    assert "Access-Control-Allow-Origin" not in elsewhere.headers
    stream.headers["Origin"] = origin
    stream.open()
    assert stream.response is not None
    assert stream.response.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize(
    ("limits", "first", "second", "third"),
    [
        (ConnectionLimits(of_address=1), ("t1", "10.0.0.1"), ("t2", "10.0.0.1"), ("t2", "10.0.0.2")),
        (ConnectionLimits(of_tenant=1), ("t1", "10.0.0.1"), ("t1", "10.0.0.2"), ("t2", "10.0.0.1")),
        (ConnectionLimits(of_credential=1), ("t1", "10.0.0.1"), ("t1", "10.0.0.2"), ("t2", "10.0.0.1")),
        (ConnectionLimits(of_process=1), ("t1", "10.0.0.1"), ("t2", "10.0.0.2"), None),
    ],
    ids=["address", "tenant", "person", "process"],
)
def test_open_streams_are_counted(
    deps: Deps, limits: ConnectionLimits, first: Caller, second: Caller, third: Caller | None
) -> None:
    """`second` finds no room while `first` is there, and `third` does."""
    events = EventStreams(deps, Streams(deps), limits)
    tokens = {
        tenant_id: [token_for(deps, tenant_id, seconds) for seconds in (600, 601, 602)] for tenant_id in ("t1", "t2")
    }

    async def status(caller: Caller) -> int:
        statuses: asyncio.Queue[int] = asyncio.Queue()

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.put_nowait(message["status"])

        tenant_id, address = caller
        reading = asyncio.create_task(_read(events, tokens[tenant_id].pop(), send, address))
        open_streams.append(reading)
        return await statuses.get()

    async def come() -> list[int]:
        statuses = [await status(caller) for caller in (first, second, third) if caller is not None]
        for each in open_streams:
            each.cancel()
        await asyncio.gather(*open_streams, return_exceptions=True)
        return statuses

    open_streams: list[asyncio.Task[None]] = []
    assert asyncio.run(come()) == ([200, 429, 200] if third else [200, 429])


def test_a_stream_ends_with_its_credential_however_much_happens(deps: Deps) -> None:
    token, streams = token_for(deps, "t1"), Streams(deps)
    is_removed = False

    async def send(message: Message) -> None:
        """Something else happens as soon as the client was told of one thing."""
        nonlocal is_removed
        if b"event:" in message.get("body", b""):
            if not is_removed:
                deps.store.commit([Delete(Ref("users", "admin-t1"))])
                deps.cache.forget(("user", "t1", "admin-t1"))
                is_removed = True
            _say(deps, 1)
            streams.wake("t1")

    events = EventStreams(deps, streams, ConnectionLimits(), heartbeat_seconds=0.5)
    asyncio.run(_read(events, token, send))
    assert is_removed


def test_a_client_that_takes_nothing_loses_its_place(deps: Deps) -> None:
    token, statuses = token_for(deps, "t1"), []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
        else:
            await asyncio.Event().wait()

    events = EventStreams(deps, Streams(deps), ConnectionLimits(of_credential=1), send_seconds=0.01)

    async def read_twice() -> None:
        await _read(events, token, send)
        await _read(events, token, send)

    asyncio.run(read_twice())
    assert statuses == [200, 200]


async def _read(events: EventStreams, token: str, send: Send, address: str = "127.0.0.1") -> None:
    """Read a stream until it ends."""
    headers = [(b"authorization", f"Bearer {token}".encode())]
    scope: Scope = {"type": "http", "method": "GET", "path": PATH, "query_string": b"", "headers": headers}
    scope["client"] = (address, 40_000)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("nothing comes")

    async with asyncio.timeout(20):
        await events.beside(_nowhere)(scope, receive, send)


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("it is served elsewhere")


def test_an_event_whose_message_cannot_be_read_yet_is_told_when_it_can(deps: Deps) -> None:
    message, store = a_message(id="m1", text="Hello"), FailingStore(deps.store)
    deps.store.commit([Create(Ref("messages", message.id), message.model_dump())])
    streams = Streams(replace(deps, store=store))
    texts: list[str] = []

    async def tell(event: RealtimeEvent, cursor: str) -> None:
        texts.append(event.payload["message"].get("text"))

    async def follow() -> None:
        await streams.join("t1", "first", tell, None)
        happens(realtime.message_status_changed, deps, an_outbox_item(id=message.id))
        store.unreadable_id = message.id
        with pytest.raises(StoreError):
            await streams.join("t1", "second", tell, None)
        store.unreadable_id = ""
        await streams.join("t1", "second", tell, None)

    asyncio.run(follow())
    assert texts == ["Hello"]


def test_what_was_committed_is_told_though_its_writer_died_before_saying_so(deps: Deps) -> None:
    stored_instance(deps)
    with hosted(SocketServer(deps, recheck_seconds=0.05)) as url, closing(Client("websocket")) as follower:
        follower.connect(url, auth={"token": token_for(deps, "t1")})
        _follow(follower, None)
        unit = UnitOfWork(deps.store)
        realtime.message_created(deps, unit, unit.messages.add(a_message(id="m1")))
        unit.commit()  # and the process ends
        assert _ids(follower.next()) == ["m1"]


def test_what_is_not_committed_is_never_told(deps: Deps) -> None:
    event_log.follow(deps, "t1")
    happens(realtime.message_created, deps, a_message(id="m1"))

    def attempt(unit: UnitOfWork) -> None:
        unit.messages.add(a_message(id="m1"))
        realtime.message_created(deps, unit, a_message(id="m1"))

    start = event_log.start(deps, "t1")
    deps.store.commit([Create(Ref("messages", "m1"), a_message(id="m1").model_dump())])
    with pytest.raises(AlreadyExists):
        run_with_retry(deps, attempt, create_once=True)
    assert event_log.after(deps, "t1", start).steps == []


def test_nothing_is_kept_for_a_tenant_that_nobody_follows(deps: Deps) -> None:
    happens(realtime.message_created, deps, a_message())
    assert deps.store.find("event_log").documents == []


def test_an_event_that_appears_late_is_told_though_later_ones_were(deps: Deps) -> None:
    event_log.follow(deps, "t1")
    start = event_log.start(deps, "t1")
    _say(deps, 2)
    page = event_log.after(deps, "t1", start)
    assert _message_ids(page) == ["m2"]
    [document] = deps.store.find("event_log").documents
    late = LoggedEvent.model_validate(document.data)
    earlier = late.model_copy(
        update={
            "id": "0" * 24,
            "at": late.at - timedelta(seconds=5),
            "event": late.event.replace('"id":"m2"', '"id":"m1"'),
        }
    )
    deps.store.commit([Create(Ref("event_log", earlier.id), earlier.model_dump())])
    assert _message_ids(event_log.after(deps, "t1", page.position)) == ["m1"]


def test_a_long_gap_is_read_page_by_page(deps: Deps) -> None:
    event_log.follow(deps, "t1")
    position = event_log.start(deps, "t1")
    _say(deps, *range(25))
    ids: list[str] = []
    has_more = True
    while has_more:
        page = event_log.after(deps, "t1", position, limit=10)
        ids += _message_ids(page)
        position, has_more = page.position, page.has_more
        again = Position.from_cursor(position.to_cursor())
        assert again == position
    assert ids == [f"m{number}" for number in range(25)]


def _message_ids(page: event_log.Page) -> list[str]:
    return [step.event.payload["message"]["id"] for step in page.steps]


def test_a_tenant_is_followed_from_its_first_client_to_its_last_one(deps: Deps) -> None:
    async def heard(event: RealtimeEvent, cursor: str) -> None:
        raise AssertionError("nothing has happened")

    async def follow() -> list[bool]:
        streams, followed = Streams(deps), []
        followed.append(streams.is_followed("t1"))
        for client in ("one", "two"):
            await streams.join("t1", client, heard, None)
            followed.append(streams.is_followed("t1"))
        for client in ("one", "one", "two", "two"):
            streams.leave("t1", client)
            followed.append(streams.is_followed("t1"))
        streams.wake("t1")
        streams.wake_all()
        return followed

    assert asyncio.run(follow()) == [False, True, True, True, True, False, False]
