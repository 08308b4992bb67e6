"""An account that was logged out is paired again from every dialect."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.evolution import Evolution, recorded
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Received, Reply, Stub

MISSING = Reply(404, {"status": 404, "response": {"message": ['The "shop" instance does not exist']}})


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


def test_the_new_account_behaves_as_the_former_one(shop: ManualHub, evolution: Evolution) -> None:
    evolution.settings = {"rejectCall": True, "msgCall": "no calls", "groupsIgnore": True, "alwaysOnline": False}
    former = dict(evolution.settings)
    _by_connect(shop)
    assert (evolution.created_count, evolution.settings) == (1, former)


def test_settings_that_cannot_be_set_do_not_keep_it_from_being_paired(shop: ManualHub, evolution: Evolution) -> None:
    evolution.settings = {"groupsIgnore": True}
    shop.provider.on("POST", "/settings/set/", Reply(500))
    assert shop.post(f"{_path(shop)}/connect", {})["pairing"]


def test_an_account_whose_settings_cannot_be_read_is_not_deleted(shop: ManualHub, evolution: Evolution) -> None:
    shop.provider.on("GET", "/settings/find/", Reply(500))
    assert shop.post(f"{_path(shop)}/connect", {})["status"] == "ERROR"
    assert evolution.state == "close"


def _say(hub: ManualHub) -> None:
    to = {"channelInstanceId": _path(hub).rpartition("/")[2], "externalUserId": "5511988887777", "text": "Hello"}
    hub.post("/api/messages/send", to, 202)


def _outbox(hub: ManualHub) -> tuple[str, str | None]:
    [item] = hub.documents("outbox")
    return item["status"], item["reason"]


def test_what_is_due_while_the_account_is_made_anew_waits(shop: ManualHub, evolution: Evolution) -> None:
    _say(shop)
    deletions: list[Received] = []

    def delete(request: Received) -> Reply:
        deletions.append(request)
        evolution.state = None
        shop.provider.on("POST", "/message/sendText/", MISSING, times=1)
        shop.work()
        return Reply(json={"status": "SUCCESS", "error": False})

    shop.provider.on("DELETE", "/instance/delete/", delete)
    _by_connect(shop)
    assert deletions
    assert _outbox(shop) == ("FAILED", "unavailable")
    evolution.scan(shop.client)
    shop.provider.on("POST", "/message/sendText/", Reply(201, recorded("rest-sendText")))
    shop.wait(minutes=1)
    shop.tick()
    assert _outbox(shop)[0] == "SENT"


def test_what_is_due_while_the_code_is_not_scanned_waits(shop: ManualHub) -> None:
    _by_connect(shop)
    shop.provider.on("POST", "/message/sendText/", MISSING)
    _say(shop)
    shop.work()
    assert _outbox(shop) == ("FAILED", "unavailable")


def test_a_refusal_of_an_account_that_is_not_being_paired_is_final(shop: ManualHub, evolution: Evolution) -> None:
    evolution.scan(shop.client)
    shop.work()
    shop.provider.on("POST", "/message/sendText/", MISSING)
    _say(shop)
    shop.work()
    assert _outbox(shop) == ("DEAD", "rejected")
