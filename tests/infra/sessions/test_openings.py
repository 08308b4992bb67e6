"""A session that cannot be opened is given back, for good or for a while, as the reason says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.channelkit.auth import AuthState
from shared.errors import SecretLost
from shared.ports.store import Delete, Document, Merge, Ref
from shared.usecases.instances import instance_lookup
from tests import refs
from tests.channels.telegram_user.telegram import Telegram, update
from tests.eventually import eventually
from tests.infra.sessions.steps import Clock, Start, line_of, logged_in, status_of
from tests.pipeline.hub import Hub


def _login(hub: Hub, channel: str) -> Document | None:
    ref = Ref("channel_auth", channel)
    return hub.store.get([ref]).get(ref)


def _field(hub: Hub, channel: str, name: str) -> Any:
    login = _login(hub, channel)
    assert login is not None
    return login.data[name]


def test_an_unexpected_error_is_a_reason_to_pause(hub: Hub, telegram: Telegram, start: Start, clock: Clock) -> None:
    channel = logged_in(hub)
    telegram.refusals.append(KeyError("not foreseen"))
    clock.stop()
    start()
    eventually(lambda: not telegram.refusals and _field(hub, channel, "lease_owner") is None)
    assert _field(hub, channel, "lease_expires_at") == clock() + timedelta(seconds=30)
    assert telegram.lines == []
    clock.ahead += timedelta(seconds=31)
    assert line_of(telegram).open


def test_a_session_whose_secret_is_lost_is_ended_and_says_what_to_do(
    hub: Hub, telegram: Telegram, start: Start
) -> None:
    channel = logged_in(hub)
    telegram.refusals.append(SecretLost("sealed with another key"))
    start()
    eventually(lambda: _field(hub, channel, "state") == AuthState.LOGGED_OUT)
    eventually(lambda: status_of(hub, channel) == "DISCONNECTED")
    (notification,) = hub.documents("notifications", tenant_id=hub.tenant_id)
    assert "enter" in notification["message"]
    assert telegram.lines == []


def test_a_session_whose_channel_is_gone_is_ended(hub: Hub, telegram: Telegram, start: Start) -> None:
    channel = logged_in(hub)
    hub.store.commit([Delete(refs.instance(channel))])
    start()
    eventually(lambda: _field(hub, channel, "state") == AuthState.LOGGED_OUT)
    assert telegram.lines == []


def test_a_session_whose_channel_is_of_another_kind_is_forgotten(hub: Hub, telegram: Telegram, start: Start) -> None:
    channel = logged_in(hub)
    hub.store.commit([Merge(refs.instance(channel), {"adapter": "slack", "type": "slack"})])
    start()
    eventually(lambda: _login(hub, channel) is None)
    assert telegram.lines == []


def test_what_comes_over_the_line_of_a_channel_that_is_gone_is_dropped(
    hub: Hub, telegram: Telegram, start: Start
) -> None:
    channel = logged_in(hub)
    process, _ = start()
    line = line_of(telegram)
    instance = instance_lookup.by_id(process, hub.tenant_id, channel)
    hub.store.commit([Delete(refs.instance(channel))])
    instance_lookup.forget(process, instance)
    line.bring(update(1, "Is anybody there?"))
    assert hub.store.count("messages") == 0
