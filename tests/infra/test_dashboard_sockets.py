"""The Dashboard's plain WebSockets: who may listen, and what they hear."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from infra.sockets.admission import ConnectionLimits
from infra.sockets.dashboards import UNREAD_FRAMES
from infra.sockets.frames import frames_of, frames_of_figures
from infra.sockets.server import SocketServer
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.analytics import Counters
from shared.domain.calls import Call, CallState
from shared.domain.campaigns import Campaign, CampaignStatus
from shared.domain.events import RealtimeEvent, Topic
from shared.domain.instances import ChannelType, InstanceStatus
from shared.domain.messages import Author, Direction
from shared.domain.notifications import Notification
from shared.ports.store import Create, Ref
from shared.usecases import realtime
from shared.usecases.overview.live_figures import LiveFigures
from shared.usecases.reporting.analytics import Overview
from shared.usecases.reporting.notifications import notify_once
from tests.documents import MOMENT, a_message
from tests.infra.clients import a_conversation, happens, stored_instance, token_for
from tests.infra.hosting import hosted
from tests.overlaps import Clock

PAGE = "http://localhost:5173"
Listen = Callable[..., ClientConnection]


@pytest.fixture
def listen(server: str) -> Iterator[Listen]:
    """`listen(path, token)`: a page's connection, whose token is in its first message."""
    with ExitStack() as stack:

        def opened(path: str = "/ws/dashboard", token: str | None = None, **options: Any) -> ClientConnection:
            connection = stack.enter_context(opening(server, path, **options))
            if token is not None:
                say(connection, {"type": "auth", "token": token})
            say(connection, {"type": "ping", "payload": {}})
            assert next_frame(connection)["type"] == "heartbeat"
            return connection

        yield opened


def opening(url: str, path: str = "/ws/dashboard", origin: str | None = PAGE, **options: Any) -> ClientConnection:
    page = Origin(origin) if origin else None
    connection: ClientConnection = connect(url.replace("http", "ws") + path, origin=page, proxy=None, **options)
    return connection


def say(connection: ClientConnection, message: object) -> None:
    connection.send(json.dumps(message))


def next_frame(connection: ClientConnection) -> Any:
    return json.loads(connection.recv(timeout=10))


def close_code(connection: ClientConnection) -> int:
    """The code with which the server closes it, after what it says before."""
    with suppress(ConnectionClosed):
        for _ in connection:
            continue
    assert connection.close_code is not None
    return connection.close_code


def notify(deps: Deps, tenant_id: str = "t1", type_: str = "session_alert") -> None:
    """Something that every dashboard of the tenant hears."""
    notification = Notification(
        id=f"n-{tenant_id}", tenant_id=tenant_id, type=type_, title="Wait", message="5 min", created_at=MOMENT
    )
    notify_once(deps, notification)


def test_a_page_hears_what_happens_as_frames(deps: Deps, listen: Listen) -> None:
    instance = stored_instance(deps)
    page = listen(token=token_for(deps, "t1"))
    conversation = a_conversation()
    happens(realtime.conversation_updated, deps, conversation)
    happens(
        realtime.message_created, deps, a_message(tenant_id="t1", instance_id="i1", conversation_id="c1", text="Hello")
    )
    realtime.channel_status(deps, None, instance, InstanceStatus.CONNECTED)
    notify(deps)
    frames = {frame["type"]: frame for frame in (next_frame(page) for _ in range(5))}
    assert all(set(frame) == {"type", "payload", "timestamp"} for frame in frames.values())
    session = frames["session_update"]["payload"]
    assert (session["sessionId"], session["status"], session["agentId"]) == ("c1", "active", "a1")
    message = frames["new_message"]["payload"]
    assert (message["sessionId"], message["channelType"], message["content"]) == ("c1", "whatsapp", "Hello")
    activity = frames["customer_activity"]["payload"]
    assert (activity["sessionId"], activity["activityType"], activity["description"]) == ("c1", "message", "Hello")
    assert frames["channel_status_change"]["payload"]["status"] == "connected"
    assert frames["notification"]["payload"] == {
        "notificationId": "n-t1",
        "type": "info",
        "title": "Wait",
        "message": "5 min",
        "actions": [],
        "category": "session_alert",
    }


def test_what_the_business_writes_is_no_activity_of_the_customer(deps: Deps, listen: Listen) -> None:
    instance = stored_instance(deps)
    page = listen(token=token_for(deps, "t1"))
    written = a_message(tenant_id="t1", instance_id="i1", direction=Direction.OUTBOUND, author=Author.HUMAN)
    happens(realtime.message_created, deps, written)
    realtime.channel_status(deps, None, instance, InstanceStatus.CONNECTED)
    assert [next_frame(page)["type"] for _ in range(2)] == ["new_message", "channel_status_change"]


def test_a_message_of_a_channel_that_is_gone_is_no_frame(deps: Deps, listen: Listen) -> None:
    page = listen(token=token_for(deps, "t1"))
    happens(realtime.message_created, deps, a_message(tenant_id="t1", instance_id="gone", text="Hello"))
    happens(realtime.conversation_updated, deps, a_conversation().model_copy(update={"instance_id": "gone"}))
    assert next_frame(page)["type"] == "session_update"


@pytest.mark.parametrize(
    ("type_", "severity"),
    [
        ("channel_error", "high"),
        ("message_dead", "high"),
        ("webhook_unreadable", "high"),
        ("agent_failed", "medium"),
        ("sla_breached", "high"),
        ("sla_warning", "medium"),
        ("ai_budget", "medium"),
    ],
)
def test_what_went_wrong_is_an_alert_too(deps: Deps, listen: Listen, type_: str, severity: str) -> None:
    page = listen("/ws", token_for(deps, "t1"))
    notify(deps, type_=type_)
    notification, alert = (next_frame(page) for _ in range(2))
    assert (notification["type"], alert["type"]) == ("notification", "system_alert")
    assert alert["payload"] == {
        "alertId": "n-t1",
        "type": notification["payload"]["type"],
        "severity": severity,
        "title": "Wait",
        "message": "5 min",
        "category": type_,
    }


def a_campaign(status: CampaignStatus, **fields: Any) -> Campaign:
    moments = dict.fromkeys(("advanced_at", "created_at", "updated_at"), MOMENT)
    return Campaign(
        id="k1", tenant_id="t1", name="Summer", channels=[ChannelType.SMS], status=status, **moments, **fields
    )


@pytest.mark.parametrize("path", ["/ws/dashboard", "/ws", "/ws/campaign/k1"])
def test_a_campaign_tells_how_far_it_is(deps: Deps, listen: Listen, path: str) -> None:
    page = listen(path, token_for(deps, "t1"))
    realtime.campaign_updated(deps, None, a_campaign(CampaignStatus.RUNNING, contacts=3, total_sent=1))
    realtime.campaign_updated(deps, None, a_campaign(CampaignStatus.FINISHED, contacts=3, total_sent=4))
    running, finished = (next_frame(page) for _ in range(2))
    assert (running["type"], running["payload"]) == (
        "campaign_update",
        {
            "campaignId": "k1",
            "name": "Summer",
            "status": "running",
            "progress": {"completed": 1, "total": 3},
            "metrics": {"total_sent": 1},
        },
    )
    assert (finished["payload"]["status"], finished["payload"]["progress"]["total"]) == ("completed", 4)


def a_call(state: CallState, **fields: Any) -> Call:
    moments = {"started_at": MOMENT, "updated_at": MOMENT + timedelta(seconds=154)}
    ids = {"id": "k1", "tenant_id": "t1", "instance_id": "i1", "external_call_id": "CA1", "conversation_id": "c1"}
    return Call.model_validate({"channel": ChannelType.VOICE, "state": state} | ids | moments | fields)


@pytest.mark.parametrize("path", ["/ws", "/ws/session/c1", "/ws/channel/voice"])
def test_a_call_tells_who_calls_and_how_far_it_is(deps: Deps, listen: Listen, path: str) -> None:
    page = listen(path, token_for(deps, "t1"))
    conversation = a_conversation().model_copy(update={"customer_name": "Maria", "customer_phone": "+5511988887777"})
    realtime.call_changed(deps, None, a_call(CallState.LIVE), conversation)
    realtime.call_changed(deps, None, a_call(CallState.ENDED, ended_at=MOMENT + timedelta(seconds=61)), None)
    live, ended = (next_frame(page) for _ in range(2))
    assert (live["type"], live["payload"]) == (
        "live_call",
        {
            "id": "k1",
            "contact": "Maria",
            "phone": "+5511988887777",
            "status": "in-progress",
            "duration": "2:34",
            "state": "live",
            "sessionId": "c1",
            "channelType": "voice",
        },
    )
    assert (ended["payload"]["status"], ended["payload"]["duration"]) == ("completed", "1:01")


def test_a_campaigns_own_address_tells_of_no_other_and_of_no_session(deps: Deps, listen: Listen) -> None:
    stored_instance(deps)
    page = listen("/ws/campaign/k1", token_for(deps, "t1"))
    realtime.campaign_updated(deps, None, a_campaign(CampaignStatus.RUNNING).model_copy(update={"id": "k2"}))
    happens(realtime.conversation_updated, deps, a_conversation())
    realtime.campaign_updated(deps, None, a_campaign(CampaignStatus.RUNNING))
    assert next_frame(page)["payload"]["campaignId"] == "k1"


def test_a_page_is_told_figures_when_it_comes_and_when_something_happens(deps: Deps) -> None:
    stored_instance(deps)
    deps.store.commit([Create(Ref("conversations", "c1"), a_conversation().model_dump())])
    sockets = SocketServer(deps, recheck_seconds=0.05)
    token = {"Authorization": f"Bearer {token_for(deps, 't1')}"}
    with hosted(sockets) as url, opening(url, additional_headers=token) as page:
        stop = deps.bus.consume({Topic.REALTIME: sockets.deliver})  # type: ignore[dict-item]  # the topic's kind
        performance, analytics = (next_frame(page) for _ in range(2))
        assert (performance["type"], analytics["type"]) == ("performance_update", "analytics_update")
        assert performance["payload"] == {
            "responseTime": 0,
            "resolutionRate": 0,
            "customerSatisfaction": 0,
            "queueLength": 0,
            "metrics": {"activeSessions": 1},
            "channelMetrics": {},
            "trends": [],
            "period": "1h",
        }
        assert analytics["payload"] == {
            "totalSessions": 1,
            "activeAgents": 0,
            "averageResponseTime": "0:00",
            "customerSatisfaction": 0,
            "channelDistribution": {},
        }
        with pytest.raises(TimeoutError):
            page.recv(timeout=0.3)
        notify(deps)
        assert [next_frame(page)["type"] for _ in range(3)][1:] == ["performance_update", "analytics_update"]
        stop()


def test_who_shows_a_credential_later_is_told_the_figures_of_their_own_tenant(deps: Deps) -> None:
    deps.store.commit([Create(Ref("conversations", "c1"), a_conversation().model_dump())])
    with hosted(SocketServer(deps, recheck_seconds=0.05)) as url, opening(url) as page:
        say(page, {"type": "auth", "token": token_for(deps, "t1")})
        while (frame := next_frame(page))["type"] != "analytics_update" or not frame["payload"]["totalSessions"]:
            pass


def test_figures_are_told_in_the_words_and_units_of_the_page() -> None:
    counted = Counters(sessions=4, resolved=1, replies=2, reply_seconds=250.0, ratings=2, rating_sum=9)
    overview = Overview(counted, 1, {ChannelType.WIDGET: counted}, [])
    figures = LiveFigures(open_sessions=7, waiting_sessions=3, active_agents=2, overview=overview)
    performance, analytics = (frame.payload for frame in frames_of_figures(figures))
    assert (performance["responseTime"], performance["resolutionRate"], performance["queueLength"]) == (125.0, 25.0, 3)
    assert (performance["customerSatisfaction"], analytics["customerSatisfaction"]) == (90, 90)
    assert (analytics["totalSessions"], analytics["activeAgents"], analytics["averageResponseTime"]) == (7, 2, "2:05")
    assert analytics["channelDistribution"] == {"chat": 4}
    assert list(performance["channelMetrics"]) == ["chat"]


def test_a_session_that_moves_is_a_transfer(deps: Deps, listen: Listen) -> None:
    stored_instance(deps)
    stored_instance(deps, "i2")
    page = listen(token=token_for(deps, "t1"))
    moved = a_conversation().model_copy(update={"instance_id": "i2"})
    happens(realtime.conversation_moved, deps, moved, "i1")
    frame = next_frame(page)
    assert frame["type"] == "channel_transfer"
    assert frame["payload"]["sessionId"] == "c1"
    assert (frame["payload"]["fromChannel"], frame["payload"]["toChannel"]) == ("whatsapp", "whatsapp")


@pytest.mark.parametrize(
    ("path", "hears"),
    [
        ("/ws", True),
        ("/ws/analytics", True),
        ("/ws/c1", True),
        ("/ws/session/c1", True),
        ("/ws/channel/whatsapp", True),
        ("/ws/channel/WhatsApp/", True),
        ("/ws/session/c1/", True),
        ("/ws/dashboard/", True),
        ("/ws/other", False),
        ("/ws/session/other", False),
        ("/ws/session/analytics", False),
        ("/ws/channel/sms", False),
        ("/ws/channel/fax", False),
        ("/ws/campaign/c1", False),
    ],
)
def test_an_address_tells_what_is_to_be_heard(deps: Deps, listen: Listen, path: str, hears: bool) -> None:
    stored_instance(deps)
    page = listen(path, token_for(deps, "t1"))
    happens(realtime.conversation_updated, deps, a_conversation())
    if hears:
        assert next_frame(page)["payload"]["sessionId"] == "c1"
    else:
        with pytest.raises(TimeoutError):
            page.recv(timeout=0.2)


def test_a_tenant_hears_nothing_of_another(deps: Deps, listen: Listen) -> None:
    page = listen(token=token_for(deps, "t1"))
    notify(deps, "t2")
    notify(deps, "t1")
    assert next_frame(page)["payload"]["notificationId"] == "n-t1"


def test_codes_to_scan_are_no_frames(deps: Deps, listen: Listen) -> None:
    instance = stored_instance(deps)
    page = listen(token=token_for(deps, "t1"))
    realtime.emit(deps, "t1", "i1", realtime.WHATSAPP_QR, {"qr": "2@secret", "expires_at": MOMENT.isoformat()})
    realtime.channel_status(deps, None, instance, InstanceStatus.CONNECTED)
    assert next_frame(page)["type"] == "channel_status_change"


def test_a_program_shows_its_credential_in_the_handshake(deps: Deps, listen: Listen) -> None:
    token = token_for(deps, "t1", role=Role.VIEWER)
    page = listen(origin=None, additional_headers={"Authorization": f"Bearer {token}"})
    notify(deps)
    assert next_frame(page)["type"] == "notification"


def test_where_http_is_open_so_is_the_socket(deps: Deps, listen: Listen) -> None:
    page = listen()
    notify(deps, deps.settings.default_tenant_id)
    assert next_frame(page)["type"] == "notification"


@pytest.mark.parametrize(
    "changes", [{"anonymous_tenant": "t1"}, {"anonymous_tenant": "t1", "environment": "production"}]
)
def test_strangers_are_of_the_anonymous_tenant(deps: Deps, changes: dict[str, Any]) -> None:
    configured = replace(deps, settings=deps.settings.model_copy(update={"cors_origin": (PAGE,), **changes}))
    sockets = SocketServer(configured)
    with hosted(sockets) as url, opening(url) as page:
        stop = deps.bus.consume({Topic.REALTIME: sockets.deliver})  # type: ignore[dict-item]  # the topic's kind
        say(page, {"type": "auth", "payload": {"sessionId": None, "timestamp": 1}})
        say(page, {"type": "ping"})
        assert next_frame(page)["type"] == "heartbeat"
        notify(deps, "t1")
        assert next_frame(page)["type"] == "notification"
        stop()


@pytest.mark.parametrize(
    "first",
    [{"type": "auth", "token": "wrong"}, {"type": "auth", "payload": {"sessionId": None}}, {"type": "ping"}, [], None],
)
def test_where_http_wants_a_credential_so_does_the_socket(deps: Deps, first: object) -> None:
    closed = replace(
        deps, settings=deps.settings.model_copy(update={"environment": "production", "cors_origin": (PAGE,)})
    )
    with hosted(SocketServer(closed)) as url, opening(url) as page:
        say(page, first)
        assert close_code(page) == 1008


def test_who_says_nothing_is_closed(deps: Deps) -> None:
    closed = replace(
        deps, settings=deps.settings.model_copy(update={"environment": "production", "cors_origin": (PAGE,)})
    )
    with hosted(SocketServer(closed, handshake_seconds=0.1)) as url, opening(url) as page:
        assert close_code(page) == 1008


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example"])
def test_pages_of_other_origins_are_refused(server: str, origin: str) -> None:
    with pytest.raises(InvalidStatus), opening(server, origin=origin):
        pass


def test_a_name_that_anybody_may_own_is_no_way_in_without_a_credential(deps: Deps, server: str) -> None:
    port = int(server.rpartition(":")[2])
    for name, tenant in (("evil.example", None), ("localhost", "default")):
        address = socket.create_connection(("127.0.0.1", port), timeout=10)
        with connect(f"ws://{name}:{port}/ws", sock=address, proxy=None) as page:
            say(page, {"type": "ping"})
            if tenant is None:
                assert close_code(page) == 1008
            else:
                assert next_frame(page)["type"] == "heartbeat"


def _await_heartbeat(page: ClientConnection) -> None:
    """It hears figures too."""
    say(page, {"type": "ping"})
    while next_frame(page)["type"] != "heartbeat":
        pass


def test_a_page_is_closed_when_its_token_runs_out_and_no_other(deps: Deps) -> None:
    clock = Clock()
    timed = replace(deps, now=clock)
    server = SocketServer(timed, recheck_seconds=0.05)
    with hosted(server) as url, opening(url) as page, opening(url) as other:
        for each, seconds in ((page, 600), (other, 6000)):
            say(each, {"type": "auth", "token": token_for(timed, "t1", seconds=seconds)})
            _await_heartbeat(each)
        clock.advance(seconds=700)
        assert close_code(page) == 1008
        _await_heartbeat(other)


def test_who_takes_nothing_is_given_up(deps: Deps) -> None:
    stored_instance(deps)
    sockets = SocketServer(deps)
    message = a_message(tenant_id="t1", instance_id="i1", text="x" * 60_000).model_dump(mode="json")
    event = RealtimeEvent(tenant_id="t1", room="i1", name=realtime.MESSAGE_CREATED, payload={"message": message})
    with hosted(sockets) as url, opening(url) as page:
        say(page, {"type": "auth", "token": token_for(deps, "t1")})
        say(page, {"type": "ping"})
        assert next_frame(page)["type"] == "heartbeat"
        for _ in range(3 * UNREAD_FRAMES):
            sockets.deliver(event)
        assert close_code(page) == 1013


@pytest.mark.parametrize("limit", ["of_process", "of_address", "of_tenant", "of_credential"])
def test_there_are_only_so_many(deps: Deps, limit: str) -> None:
    limits = replace(ConnectionLimits(), **{limit: 1})
    token = {"Authorization": f"Bearer {token_for(deps, 't1')}"}
    with hosted(SocketServer(deps, limits=limits)) as url, opening(url, additional_headers=token) as page:
        say(page, {"type": "ping"})
        assert next_frame(page)["type"] == "heartbeat"
        if limit in ("of_process", "of_address"):
            with pytest.raises(InvalidStatus), opening(url, additional_headers=token):
                pass
        else:
            with opening(url, additional_headers=token) as second:
                assert close_code(second) == 1013
        say(page, {"type": "ping"})
        assert next_frame(page)["type"] == "heartbeat"


@pytest.mark.parametrize("limit", ["of_tenant", "of_credential"])
def test_another_token_makes_no_room_where_there_is_none(deps: Deps, limit: str) -> None:
    limits = replace(ConnectionLimits(), **{limit: 1})
    first, second = token_for(deps, "t1"), token_for(deps, "t2")
    with hosted(SocketServer(deps, limits=limits)) as url, ExitStack() as stack:
        pages = [
            stack.enter_context(opening(url, additional_headers={"Authorization": f"Bearer {token}"}))
            for token in (first, second)
        ]
        for page in pages:
            say(page, {"type": "ping"})
            assert next_frame(page)["type"] == "heartbeat"
        say(pages[1], {"type": "auth", "token": first})
        assert close_code(pages[1]) == 1013
        say(pages[0], {"type": "ping"})
        assert next_frame(pages[0])["type"] == "heartbeat"


def test_pages_are_told_to_come_back_when_the_server_stops(deps: Deps) -> None:
    with ExitStack() as stack:
        with hosted(SocketServer(deps)) as url:
            page = stack.enter_context(opening(url))
            say(page, {"type": "ping"})
            assert next_frame(page)["type"] == "heartbeat"
        assert close_code(page) == 1012


@pytest.mark.parametrize(
    "path", ["/ws/dashboard/x", "/ws/session/", "/ws/a/b/c", "/ws/campaign/", "/wss", "/elsewhere"]
)
def test_other_paths_are_nobodys(server: str, path: str) -> None:
    with pytest.raises(InvalidStatus), opening(server, path):
        pass


def test_nonsense_ends_nothing(deps: Deps, listen: Listen) -> None:
    page = listen(token=token_for(deps, "t1"))
    for text in ("", "nonsense", "[]", '{"type": []}', "[" * 20_000, '{"type": "subscribe", "channel": "x"}'):
        page.send(text)
    page.send(b"bytes")
    notify(deps)
    assert next_frame(page)["type"] == "notification"


def test_what_is_about_no_channel_or_for_one_person_is_no_frame(deps: Deps) -> None:
    status = RealtimeEvent(tenant_id="t1", room="i1", name="channel-status", payload={"status": "connected"})
    assert frames_of(status, None) == []
    assert [frame.type for frame in frames_of(status, stored_instance(deps))] == ["channel_status_change"]
    note = Notification(id="n", tenant_id="t1", type="assigned", title="Yours", message="c1", created_at=MOMENT)
    frames = {
        user_id: frames_of(
            RealtimeEvent(
                tenant_id="t1",
                room="notifications",
                name="notification-created",
                payload={"notification": note.model_copy(update={"user_id": user_id}).model_dump(mode="json")},
            ),
            None,
        )
        for user_id in (None, "u1")
    }
    assert [frame.type for frame in frames[None]] == ["notification"]
    assert frames["u1"] == []
