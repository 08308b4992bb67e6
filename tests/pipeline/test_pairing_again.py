"""An account that was logged out is paired again from every dialect."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.evolution import Evolution, recorded
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Reply, Stub


@pytest.fixture
def evolution(provider: Stub) -> Evolution:
    return Evolution(provider)


@pytest.fixture
def shop(manual_hub: ManualHub, evolution: Evolution) -> ManualHub:
    """A hub whose WhatsApp account was connected and then logged out on the phone."""
    config = {"whatsappInstance": "shop", "evolutionKey": "K3Y" * 5}
    evolution.state = "open"
    manual_hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": config}, 201)
    evolution.send(manual_hub.client, recorded("connection.update-close-401"))
    evolution.state, evolution.reason = "close", 401
    manual_hub.work()
    assert _status(manual_hub) == "DISCONNECTED"
    return manual_hub


def _path(hub: ManualHub) -> str:
    return f"/api/channels/{hub.get('/api/channels')[0]['id']}"


def _status(hub: ManualHub) -> str:
    return str(hub.get(_path(hub))["status"])


def _by_connect(hub: ManualHub) -> None:
    hub.post(f"{_path(hub)}/connect", {})


def _by_patch(hub: ManualHub) -> None:
    hub.patch(_path(hub), {"config": {"evolutionKey": "K3Y" * 5}})


def _by_configure(hub: ManualHub) -> None:
    hub.post("/channels/whatsapp/configure", {"api_key": "K3Y" * 5})


@pytest.mark.parametrize("begin", [_by_connect, _by_patch, _by_configure])
def test_a_pairing_begins_and_its_code_is_shown(
    shop: ManualHub, evolution: Evolution, begin: Callable[[ManualHub], None]
) -> None:
    begin(shop)
    assert evolution.created_count == 1, "the logged-out account was deleted and made anew"
    assert "whatsapp-qr" in shop.new_realtime_events()
    evolution.scan(shop.client)
    shop.work()
    assert _status(shop) == "CONNECTED"


def test_the_code_comes_with_the_answer(shop: ManualHub) -> None:
    connected = shop.post(f"{_path(shop)}/connect", {})
    assert connected["pairing"]["qrCode"].startswith("data:image/png;base64,iVBOR")
    assert shop.post(f"{_path(shop)}/connect", {})["pairing"] == connected["pairing"], "a valid code stays"


def test_a_server_that_refuses_says_why(shop: ManualHub) -> None:
    shop.provider.on("POST", "/instance/create", Reply(401, {"message": "Unauthorized"}))
    connected = shop.post(f"{_path(shop)}/connect", {})
    assert (connected["status"], connected["pairing"]) == ("ERROR", None)
    assert "evolutionKey" in connected["statusDetail"]


def test_an_account_that_is_online_stays_so(shop: ManualHub, evolution: Evolution) -> None:
    evolution.state = "open"
    connected = shop.post(f"{_path(shop)}/connect", {})
    assert (connected["status"], connected["pairing"]) == ("CONNECTED", None)
    assert evolution.created_count == 0


def test_a_bot_is_connected_again_too(shop: ManualHub) -> None:
    bot = shop.telegram()
    assert shop.post(f"/api/channels/{bot}/connect", {})["status"] == "CONNECTED"
