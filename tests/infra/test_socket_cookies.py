"""Pages that connect without a token: by the cookie of their session, or where HTTP is open, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from queue import Empty
from typing import Any

import pytest
from pydantic import SecretStr
from socketio.exceptions import ConnectionError as NotConnected

from infra.sockets.server import SocketServer
from shared.deps import Deps
from shared.domain.accounts import Device, Role
from shared.domain.events import RealtimeEvent
from shared.domain.instances import PairingCode
from shared.ports.store import Merge, Ref, Set
from shared.usecases import realtime
from shared.usecases.accounts import accounts, sign_ins
from shared.usecases.accounts.credentials import authenticate
from shared.usecases.accounts.sign_ins import Session
from tests.documents import MOMENT, a_message
from tests.infra.clients import Client, stored_instance, token_for
from tests.infra.hosting import hosted
from tests.infra.test_sockets import Clock

CHANNEL = "0123456789abcdef01234567"
OTHER = "89abcdef0123456789abcdef"
PAGE = {"Origin": "http://localhost:5173"}


def _settings(deps: Deps, **changes: Any) -> Deps:
    return replace(deps, settings=deps.settings.model_copy(update={"api_key": SecretStr("k" * 32)} | changes))


def _options(headers: Mapping[str, str]) -> dict[str, Any]:
    """The library for websockets writes these headers itself."""
    origin = {"origin": headers["Origin"]} if "Origin" in headers else {"suppress_origin": True}
    return origin | ({"host": headers["Host"]} if "Host" in headers else {})


class Site:
    """A server that the test itself feeds, and pages that connect to it."""

    def __init__(self, deps: Deps, transport: str, stack: ExitStack) -> None:
        self.sockets = SocketServer(deps, recheck_seconds=0.02)
        self._url = stack.enter_context(hosted(self.sockets))
        self._transport = transport
        self._stack = stack

    def page(self, headers: Mapping[str, str], auth: Any = None) -> Client:
        client = self._stack.enter_context(closing(Client(self._transport, websocket_extra_options=_options(headers))))
        self._connect(client, headers, auth)
        return client

    def refuses(self, headers: Mapping[str, str], auth: Any = None) -> bool:
        with closing(Client(self._transport, websocket_extra_options=_options(headers))) as client:
            try:
                self._connect(client, headers, auth)
            except NotConnected:
                return True
        return False

    def _connect(self, client: Client, headers: Mapping[str, str], auth: Any) -> None:
        left = {"Origin", "Host"} if self._transport == "websocket" else set()
        client.connect(self._url, auth=auth, headers={k: v for k, v in headers.items() if k not in left})

    def tell(self, name: str, payload: dict[str, Any], tenant_id: str = "t1", channel: str = CHANNEL) -> None:
        event = RealtimeEvent(tenant_id=tenant_id, room=channel, name=name, payload=payload)
        self.sockets.deliver(event)

    def tell_message(self, tenant_id: str = "t1") -> None:
        message = a_message(tenant_id=tenant_id, instance_id=CHANNEL).model_dump(mode="json")
        self.tell(realtime.MESSAGE_CREATED, {"message": message}, tenant_id)

    def tell_status(self, tenant_id: str = "t1") -> None:
        self.tell(realtime.CHANNEL_STATUS, {"status": "connected"}, tenant_id)


@contextmanager
def _site(deps: Deps, transport: str) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(deps, transport, stack)


def _signed_up(deps: Deps, email: str = "ann@example.com") -> Session:
    return accounts.register(deps, email, "correct horse battery", None, None, Device())


def _cookie(session: Session) -> dict[str, str]:
    return {"Cookie": f"other=1; hub_session={session.cookie}"} | PAGE


def test_the_page_of_somebody_who_is_signed_in_hears_every_channel_of_theirs(deps: Deps, transport: str) -> None:
    ann = _signed_up(deps)
    with _site(_settings(deps), transport) as site:
        inbox = site.page(_cookie(ann))
        site.tell_message("another tenant")
        site.tell_message(ann.tenant.id)
        assert inbox.next()[0] == "message-created"
        site.tell_status(ann.tenant.id)
        assert inbox.next()[0] == "channel-status"
        assert inbox.came.empty()


def test_a_page_that_also_joins_a_channel_hears_each_event_once(deps: Deps, transport: str) -> None:
    ann = _signed_up(deps)
    stored_instance(deps, CHANNEL, ann.tenant.id)
    with _site(_settings(deps), transport) as site:
        card = site.page(_cookie(ann))
        card.enter(CHANNEL)
        site.tell_message(ann.tenant.id)
        site.tell_status(ann.tenant.id)
        assert [card.next()[0], card.next()[0]] == ["message-created", "channel-status"]
        assert card.ask("leave-channel", CHANNEL) == {"ok": True}
        site.tell_message(ann.tenant.id)
        assert card.next()[0] == "message-created"


@pytest.mark.parametrize(("role", "hears"), [(Role.ADMIN, True), (Role.AGENT, False)])
def test_codes_to_scan_are_for_the_pages_of_admins_alone(deps: Deps, transport: str, role: Role, hears: bool) -> None:
    ann = _signed_up(deps)
    demoted = ann.user.model_copy(update={"role": role})
    with _site(_settings(deps), transport) as site:
        deps.store.commit([Set(Ref("users", demoted.id), demoted.model_dump())])
        page = site.page(_cookie(ann))
        site.tell(realtime.WHATSAPP_QR, {"qr": "2@x", "expires_at": MOMENT.isoformat()}, ann.tenant.id)
        site.tell_message(ann.tenant.id)
        assert (page.next()[0] == "whatsapp-qr") is hears


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_the_cookie_counts_only_for_a_page_that_may_call(deps: Deps, transport: str, headers: dict[str, str]) -> None:
    cookie = {"Cookie": f"hub_session={_signed_up(deps).cookie}"}
    with _site(_settings(deps), transport) as site:
        assert site.refuses(cookie | headers)
        assert not site.refuses(cookie | PAGE)
        assert not site.refuses(cookie | {"Sec-Fetch-Site": "same-origin"})


def test_only_the_cookie_itself_is_one(deps: Deps, transport: str) -> None:
    ann = _signed_up(deps)
    with _site(_settings(deps), transport) as site:
        for other in (ann.access_token, ann.refresh_token, token_for(deps, "t1"), "", "x.y.z", "x" * 5000):
            assert site.refuses({"Cookie": f"hub_session={other}"} | PAGE), other
        assert site.refuses({}, {"token": ann.cookie})
        assert site.refuses(_cookie(ann), {"token": "wrong"})


def test_a_socket_ends_with_the_session_of_its_cookie(deps: Deps, transport: str) -> None:
    ann = _signed_up(deps)
    with _site(_settings(deps), transport) as site:
        page = site.page(_cookie(ann))
        sign_ins.sign_out(deps, authenticate(deps, ann.access_token), everywhere=False)
        page.disconnects.get(timeout=10)
        assert site.refuses(_cookie(ann))


def test_a_socket_ends_when_its_cookie_has_run_out(deps: Deps, transport: str) -> None:
    clock = Clock()
    timed = replace(_settings(deps), now=clock)
    ann = _signed_up(timed)
    with _site(timed, transport) as site:
        page = site.page(_cookie(ann))
        clock.ahead = timedelta(minutes=16)
        page.disconnects.get(timeout=10)
        assert site.refuses(_cookie(ann))


@pytest.mark.parametrize(
    ("changes", "hears"),
    [
        ({"api_key": None, "default_tenant_id": "t1"}, True),
        ({"anonymous_tenant": "t1"}, True),
        ({"anonymous_tenant": "t1", "environment": "production", "cors_origin": ("http://localhost:5173",)}, True),
        ({}, False),
        ({"api_key": None, "environment": "production"}, False),
    ],
)
@pytest.mark.parametrize("auth", [None, {}, {"token": ""}, {"token": 7}, ["x"]])
def test_a_socket_without_a_credential_is_let_in_where_http_is_open(
    deps: Deps, changes: dict[str, Any], hears: bool, auth: Any
) -> None:
    with _site(_settings(deps, **changes), "websocket") as site:
        if not hears:
            assert site.refuses(PAGE, auth)
            return
        page = site.page(PAGE, auth)
        site.tell_message("t2")
        site.tell_message("t1")
        assert page.next()[1]["message"]["id"] == "m1"
        assert page.came.empty()


def test_a_name_that_anybody_may_own_leads_no_stranger_in(deps: Deps, transport: str) -> None:
    with _site(_settings(deps, api_key=None), transport) as site:
        assert site.refuses({"Host": "evil.example", "Origin": "http://evil.example"})
        assert not site.refuses({"Host": "localhost", "Origin": "http://localhost"})


def test_an_anonymous_page_sees_no_code_to_scan(deps: Deps, transport: str) -> None:
    with _site(_settings(deps, anonymous_tenant="t1"), transport) as site:
        page = site.page(PAGE)
        site.tell(realtime.WHATSAPP_QR, {"qr": "2@x", "expires_at": MOMENT.isoformat()})
        site.tell_message()
        assert page.next()[0] == "message-created"


def test_a_guest_hears_how_the_channel_stands_that_they_name_and_nothing_else(deps: Deps, transport: str) -> None:
    stored_instance(deps, CHANNEL)
    stored_instance(deps, OTHER)
    code = PairingCode(text="2@abc", expires_at=deps.now() + timedelta(minutes=1)).model_dump()
    deps.store.commit([Merge(Ref("instances", CHANNEL), {"pairing": code, "status": "waiting_for_scan"})])
    with _site(_settings(deps, socket_guests=True), transport) as site:
        guest = site.page(PAGE)
        assert guest.enter(CHANNEL)["status"] == "CONNECTING"
        site.tell(realtime.WHATSAPP_QR, {"qr": "2@x", "expires_at": MOMENT.isoformat()})
        site.tell(realtime.WHATSAPP_CONNECTED, {"phone_number": "+49"})
        site.tell(realtime.CHANNEL_STATUS, {"status": "connected"}, channel=OTHER)
        site.tell_message()
        site.tell_status()
        name, payload = guest.next()
        assert (name, payload["channelId"], payload["status"]) == ("channel-status", CHANNEL, "CONNECTED")
        assert guest.ask("leave-channel", CHANNEL) == {"ok": True}
        site.tell_status()
        with pytest.raises(Empty):
            guest.came.get(timeout=0.2)


@pytest.mark.parametrize("channel", ["short", OTHER, CHANNEL.upper(), "shop", "*"])
def test_a_guest_can_join_only_a_channel_whose_id_they_know(deps: Deps, transport: str, channel: str) -> None:
    stored_instance(deps, "short")
    stored_instance(deps, CHANNEL)
    with _site(_settings(deps, socket_guests=True), transport) as site:
        assert site.page(PAGE).ask("join-channel", channel)["ok"] is False
