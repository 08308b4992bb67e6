"""Helpers for tests of accounts that a process holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from infra.sockets.sessions import Sessions
from shared.channel.connection import Connections
from shared.deps import Deps
from tests.channels.telegram_user.telegram import FakeLine, Telegram
from tests.eventually import eventually
from tests.pipeline.hub import Hub
from tests.whatsapp.pretended import Link, WhatsApp

PHONE = "+491701234567"
Start: TypeAlias = Callable[..., tuple[Deps, Sessions]]
Channels: TypeAlias = Mapping[str, Callable[[Deps], Connections[Any]]]


class Clock:
    """The processes' common clock, which a test may put forward, and stop."""

    def __init__(self, deps: Deps) -> None:
        self._now = deps.now
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return self._now() + self.ahead

    def stop(self) -> None:
        """From now on only the test advances it."""
        stopped = self._now()
        self._now = lambda: stopped


def logged_in(hub: Hub, phone: str = PHONE, **config: Any) -> str:
    """A channel with that account; returns its id."""
    body = {"name": phone, "type": "TELEGRAM_USER", "config": config}
    channel = str(hub.post("/api/channels", body, 201)["id"])
    hub.post("/api/telegram/user/start", {"channelInstanceId": channel, "phone": phone})
    hub.post("/api/telegram/user/confirm", {"channelInstanceId": channel, "code": "12345"})
    return channel


def log_in_anew(hub: Hub, channel: str) -> None:
    """Log the channel out, and in with another session."""
    hub.post("/api/telegram/user/logout", {"channelInstanceId": channel})
    hub.post("/api/telegram/user/start", {"channelInstanceId": channel, "phone": PHONE})
    hub.post("/api/telegram/user/confirm", {"channelInstanceId": channel, "code": "12345"})


def line_of(telegram: Telegram) -> FakeLine:
    """The one open line, as soon as it is there."""
    eventually(lambda: len(telegram.open_lines()) == 1)
    return telegram.open_lines()[0]


def status_of(hub: Hub, channel: str) -> Any:
    return hub.get(f"/api/channels/{channel}")["status"]


def whatsapp_channel(hub: Hub, **config: Any) -> str:
    body = {"name": "Shop", "type": "WHATSAPP", "config": config}
    return str(hub.post("/api/channels", body, 201)["id"])


def paired(hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels, **config: Any) -> tuple[str, Link]:
    """A channel whose code was scanned, and its worker."""
    channel = whatsapp_channel(hub, **config)
    start("one", channels=channels)
    link = whatsapp.link()
    code_is_shown(hub, channel)
    whatsapp.scan(link)
    eventually(lambda: status_of(hub, channel) == "CONNECTED")
    return channel, link


def code_is_shown(hub: Hub, channel: str) -> None:
    """Wait for the code, as a person does who is going to scan it."""
    eventually(lambda: hub.documents("instances", id=channel)[0].get("pairing"))


def answer(hub: Hub, text: str, **fields: Any) -> str:
    """Have a person answer in the one conversation; returns the message's id."""
    body = {"conversationId": hub.conversation().id, "text": text} | fields
    return str(hub.post("/api/messages/send", body, 202)["message"]["id"])
