"""More WhatsApp accounts than one holder holds, without a process for each."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from infra.sockets.sessions import Sessions
from shared.cache import TTLCache
from shared.channel.connection import Connections, Listener, Position
from shared.channelkit.auth import NEVER, AuthState, ChannelAuth
from shared.channels.whatsapp_web.connection import WhatsAppConnections
from shared.channels.whatsapp_web.gateway import Posted, Session
from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import InstanceStatus
from shared.ports.store import Create, Ref, Where
from shared.usecases.instances import holders
from tests.documents import an_instance
from tests.eventually import eventually

ADAPTER = "whatsapp_web"
_PATIENCE = 60.0


@dataclass(eq=False)
class QuietLine:
    """An account's connection over which nothing comes."""

    own: str | None = None

    def send(self, to: str, message: Mapping[str, Any], content: bytes | None = None) -> Posted:
        return Posted(message_id="1")

    def may_have_sent(self, part_id: str, claimed_at: datetime) -> bool:
        return True

    def show_typing(self, to: str) -> None: ...

    def mark_read(self, chat: str, sender: str, ids: Sequence[str]) -> None: ...

    def leave(self) -> None: ...

    def position(self) -> Position | None:
        return None

    def close(self) -> None: ...


@dataclass
class QuietGateway:
    """Connects every account at once, and keeps the books."""

    sessions: list[str] = field(default_factory=list)

    def listen(self, session: Session, listener: Listener) -> QuietLine:
        self.sessions.append(session.id)
        return QuietLine()

    def close(self) -> None: ...


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"whatsapp_accounts": 20})


@pytest.fixture
def pool(deps: Deps) -> Iterator[list[QuietGateway]]:
    """Ten holders, each with its gateway."""
    gateways: list[QuietGateway] = []
    with ExitStack() as stack:
        for number in range(10):
            stack.callback(_holder(deps, number, gateways).stop)
        yield gateways


def _holder(deps: Deps, number: int, gateways: list[QuietGateway]) -> Sessions:
    process = replace(deps, owner=f"holder-{number}", cache=TTLCache(lambda: 0.0))
    gateways.append(QuietGateway())
    connections: dict[str, Connections[Any]] = {ADAPTER: WhatsAppConnections(process, gateways[-1])}
    return Sessions(process, connections, interval=0.2, capacity=holders.capacity(process))


def _pair(deps: Deps, count: int) -> None:
    """Accounts that were paired, and that nobody has held for minutes."""
    for number in range(count):
        instance = an_instance(ADAPTER, id=f"i{number}", status=InstanceStatus.CONNECTING)
        login = ChannelAuth(
            instance_id=instance.id,
            tenant_id=instance.tenant_id,
            adapter=ADAPTER,
            state=AuthState.CONNECTED,
            secret=(secret := f"s{number}"),
            lease_expires_at=NEVER,
            updated_at=deps.now() - timedelta(minutes=4),
        )
        deps.secrets.write(secret, {"session": f"{number:032}", "key": base64.b64encode(bytes(32)).decode()})
        documents = [("instances", instance), ("channel_auth", login)]
        deps.store.commit([Create(Ref(name, instance.id), each.model_dump()) for name, each in documents])


def _held_count(gateways: list[QuietGateway]) -> int:
    return sum(len(gateway.sessions) for gateway in gateways)


def test_the_201st_account_raises_an_alert_until_there_is_an_eleventh_holder(
    deps: Deps, pool: list[QuietGateway]
) -> None:
    _pair(deps, 201)
    eventually(lambda: _held_count(pool) == 200, _PATIENCE)
    assert [len(gateway.sessions) for gateway in pool] == [20] * 10
    eventually(lambda: holders.provide(deps) == 1, _PATIENCE)
    assert len(deps.store.find("notifications").documents) == 1
    eleventh = _holder(deps, 10, pool)
    try:
        eventually(lambda: _held_count(pool) == 201, _PATIENCE)
        connected = [Where("status", "==", InstanceStatus.CONNECTED)]
        eventually(lambda: deps.store.count("instances", connected) == 201, _PATIENCE)
    finally:
        eleventh.stop()
    assert len({session for gateway in pool for session in gateway.sessions}) == 201
