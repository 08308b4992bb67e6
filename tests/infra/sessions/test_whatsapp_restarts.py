"""WhatsApp accounts that are restarted, logged out while nobody holds them, and moved between adapters."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.config import Settings
from shared.ports.store import Ref
from shared.usecases.instances import removals
from tests.eventually import eventually
from tests.evolution import evolution_rules
from tests.infra.sessions.steps import Channels, Clock, Start, paired, status_of, whatsapp_channel
from tests.pipeline.hub import Hub
from tests.whatsapp.pretended import CUSTOMER, WhatsApp

HIDDEN = "95511988887777@lid"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A hub that knows no Evolution server."""
    return settings.model_copy(update={"evolution_url": None})


def _name(hub: Hub, channel: str) -> str:
    return str(hub.documents("instances", id=channel)[0]["name"])


def _by_omni_hub(hub: Hub, channel: str) -> None:
    answer = hub.post(f"/api/v1/instances/{_name(hub, channel)}/restart", {})
    assert answer == {"message": "Instance restarted successfully", "status": "restarting"}


def _by_omnichat(hub: Hub, channel: str) -> None:
    hub.post(f"/api/channels/{channel}/connect", {})


@pytest.mark.parametrize("restart", [_by_omni_hub, _by_omnichat])
def test_a_restart_makes_a_fresh_connection_without_pairing_again(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels, restart: Callable[[Hub, str], None]
) -> None:
    channel, former = paired(hub, whatsapp, start, channels)
    restart(hub, channel)
    eventually(lambda: len(whatsapp.links) == 2)
    link = whatsapp.link()
    assert not former.is_open
    whatsapp.write(link, "M1", "Are you back?")
    eventually(hub.conversations)
    assert status_of(hub, channel) == "CONNECTED"
    assert not whatsapp.was_held_twice


def _login(hub: Hub, channel: str) -> dict[str, Any] | None:
    document = hub.store.get([Ref("channel_auth", channel)]).get(Ref("channel_auth", channel))
    return document.data if document is not None else None


def _snapshots(hub: Hub) -> list[Path]:
    return [path for path in (hub.deps.settings.data_dir / "sessions").rglob("*") if path.is_file()]


@pytest.fixture
def unheld(hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels) -> str:
    """A channel that was paired, and whose holder has stopped."""
    channel = whatsapp_channel(hub)
    _, sessions = start("one", channels=channels)
    link = whatsapp.link()
    whatsapp.scan(link)
    eventually(lambda: status_of(hub, channel) == "CONNECTED")
    sessions.stop()
    return channel


def test_what_is_logged_out_while_nobody_holds_it_is_unlinked_by_the_next_holder(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels, unheld: str
) -> None:
    hub.post(f"/api/v1/instances/{_name(hub, unheld)}/logout", {})
    assert status_of(hub, unheld) == "DISCONNECTED"
    login = _login(hub, unheld)
    assert login is not None
    assert not whatsapp.unlinked
    events_before = len(hub.realtime)
    start("two", channels=channels)
    eventually(lambda: whatsapp.unlinked and not whatsapp.open_links())
    eventually(lambda: _snapshots(hub) == [] and hub.deps.secrets.read(login["secret"]) == {})
    assert status_of(hub, unheld) == "DISCONNECTED"
    assert "connected" not in [event.payload.get("status") for event in hub.realtime[events_before:]]


def test_a_channel_that_is_deleted_while_nobody_holds_it_is_unlinked_by_the_next_holder(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels, unheld: str, clock: Clock
) -> None:
    name, login = _name(hub, unheld), _login(hub, unheld)
    assert login is not None
    answer = hub.client.delete(f"/api/channels/{unheld}", headers=hub.headers)
    assert answer.status_code == 200
    assert not whatsapp.unlinked
    start("two", channels=channels)
    eventually(lambda: whatsapp.unlinked and not whatsapp.open_links())
    eventually(lambda: _snapshots(hub) == [] and hub.deps.secrets.read(login["secret"]) == {})
    clock.ahead += timedelta(minutes=2)
    removals.retry_due(hub.deps)
    assert hub.documents("removals") == []
    assert _login(hub, unheld) is None
    assert hub.documents("instance_names", id=name) == []


def _evolution_channel(hub: Hub) -> str:
    config = {"evolutionUrl": hub.provider.url, "evolutionKey": "k" * 16, "whatsappInstance": "shop"}
    return whatsapp_channel(hub, **config)


def _evolution_brings(hub: Hub, channel: str, identifier: str, text: str, **key: str) -> None:
    data = {
        "key": {"id": identifier, "remoteJid": CUSTOMER, "fromMe": False} | key,
        "messageTimestamp": int(time.time()),
        "message": {"conversation": text},
    }
    body = {"event": "messages.upsert", "instance": "shop", "data": data, "apikey": "k" * 16}
    hub.post(f"/webhook/whatsapp/{channel}", body)


def test_a_channel_moves_from_evolution_to_a_socket_of_our_own_and_back_with_its_conversation(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    evolution_rules(hub.provider)
    channel = _evolution_channel(hub)
    _evolution_brings(hub, channel, "M1", "By Evolution", remoteJid=HIDDEN, remoteJidAlt=CUSTOMER)
    conversation = hub.conversation()
    start("one", channels=channels)
    moved = hub.patch(f"/api/channels/{channel}", {"config": {"provider": "web"}})
    assert moved["adapter"] == "whatsapp_web"
    hub.post(f"/api/channels/{channel}/connect", {})
    link = whatsapp.link()
    whatsapp.scan(link)
    eventually(lambda: status_of(hub, channel) == "CONNECTED")
    whatsapp.write(link, "M2", "Over our own socket")
    eventually(lambda: len(hub.messages()) == 2)
    back = hub.patch(f"/api/channels/{channel}", {"config": {"provider": "evolution"}})
    assert back["adapter"] == "whatsapp_evolution"
    eventually(lambda: not whatsapp.open_links())
    assert whatsapp.unlinked
    _evolution_brings(hub, channel, "M3", "By Evolution again")
    eventually(lambda: len(hub.messages()) == 3)
    assert [each.id for each in hub.conversations()] == [conversation.id]
    assert [each.text for each in hub.messages()] == ["By Evolution", "Over our own socket", "By Evolution again"]
