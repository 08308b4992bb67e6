"""A hub without sessions, and processes that hold them, around one Telegram."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, cast

import pytest
from pydantic import SecretStr

from functions.hub.main import blueprints
from functions.normalize.main import consume as normalize
from infra.sockets.sessions import Sessions, watching
from infra.sockets.whatsapp.gateway import WorkerGateway
from shared.cache import TTLCache
from shared.channel.connection import Connections
from shared.channels.telegram_user.api import reached_by
from shared.channels.telegram_user.connection import TelegramConnections
from shared.channels.whatsapp_web.connection import WhatsAppConnections
from shared.config import Settings
from shared.deps import Deps
from shared.domain.events import InboundEvent, OutboundEvent, RealtimeEvent, Topic
from shared.usecases.delivery.delivery import deliver
from tests.apps import create_app
from tests.channels.telegram_user.telegram import Telegram
from tests.infra.sessions.steps import PHONE, Channels, Clock, Start
from tests.pipeline.hub import Hub
from tests.stubs import Stub
from tests.whatsapp.pretended import WhatsApp, pretended

TELEGRAM: Mapping[str, Callable[[Deps], Connections[Any]]] = {"telegram_user": TelegramConnections}

Lookers: TypeAlias = list[Callable[[Any], None]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"telegram_api_id": 1, "telegram_api_hash": SecretStr("hash")})


@pytest.fixture
def telegram() -> Iterator[Telegram]:
    telegram = Telegram()
    telegram.add(PHONE)
    with reached_by(telegram.opener):
        yield telegram


@pytest.fixture
def clock(deps: Deps) -> Clock:
    return Clock(deps)


@pytest.fixture
def lookers() -> Lookers:
    """A client that receives all realtime events."""
    return []


@pytest.fixture
def hub(deps: Deps, clock: Clock, provider: Stub, telegram: Telegram, lookers: Lookers) -> Iterator[Hub]:
    """Everything but what holds sessions; what the functions send goes through `deliver` in a process of its own."""
    deps = replace(deps, now=clock)
    hub = Hub(deps, create_app(deps, blueprints()).test_client(), provider)

    def look(event: RealtimeEvent) -> None:
        hub.realtime.append(event)
        for consume in list(lookers):
            consume(event)

    stop = deps.bus.consume(
        {
            Topic.INBOUND: lambda event: normalize(deps, cast("InboundEvent", event)),
            Topic.OUTBOUND: lambda event: _deliver(deps, cast("OutboundEvent", event)),
            Topic.REALTIME: lambda event: look(cast("RealtimeEvent", event)),
        }
    )
    hub.register()
    yield hub
    stop()


def _deliver(deps: Deps, event: OutboundEvent) -> None:
    deliver(deps, event.tenant_id, event.conversation_id)


@pytest.fixture
def start(deps: Deps, clock: Clock, hub: Hub, lookers: Lookers) -> Iterator[Start]:
    """Starts processes that hold sessions; each sees all realtime events."""
    with ExitStack() as stack:

        def started(
            owner: str = "one",
            bus: Any = None,
            store: Any = None,
            channels: Mapping[str, Callable[[Deps], Connections[Any]]] = TELEGRAM,
            **options: Any,
        ) -> tuple[Deps, Sessions]:
            process = replace(
                deps,
                owner=owner,
                now=clock,
                cache=TTLCache(lambda: 0.0),
                store=store or deps.store,
                bus=bus or deps.bus,
            )
            sessions = Sessions(
                process, {name: of(process) for name, of in channels.items()}, **{"interval": 0.02} | options
            )
            consume = watching(sessions, lambda event: None)
            lookers.append(consume)
            stack.callback(sessions.stop)
            stack.callback(lookers.remove, consume)
            return process, sessions

        yield started


@pytest.fixture
def whatsapp(tmp_path: Path) -> Iterator[WhatsApp]:
    with pretended(tmp_path) as whatsapp:
        yield whatsapp


@pytest.fixture
def channels(whatsapp: WhatsApp) -> Channels:
    def connections(deps: Deps) -> WhatsAppConnections:
        assert deps.snapshots is not None
        return WhatsAppConnections(deps, WorkerGateway(deps.snapshots, whatsapp.worker, first_pause=0.05))

    return {"whatsapp_web": connections}
