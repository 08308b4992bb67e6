"""OmniChat's own front end: its page of channels, request by request as the page sends them."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.omnichat import channels, front_end
from shared.config import Settings
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.inbound import ConnectionChanged, PairingCodeIssued
from shared.domain.instances import InstanceStatus
from shared.usecases.instances import instances
from shared.usecases.instances.connection_state import apply_connection, apply_pairing_code
from tests.apps import create_app
from tests.evolution import Evolution
from tests.functions.keys import key_for
from tests.stubs import Reply, Stub

TOKEN = "123456:secret-bot-token"
ANYBODY = "made-up-by-the-page"


class Page:
    """The front end of somebody who is signed in."""

    def __init__(self, client: FlaskClient, headers: dict[str, str]) -> None:
        self._client = client
        self._headers = headers

    def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self._client.open(path, method=method, json=body, headers=self._headers)
        assert answer.status_code == status, answer.text
        return answer.json

    def card(self, channel_id: str) -> Any:
        """The channel as the list shows it."""
        return next(row for row in self.call("GET", "/api/channels") if row["id"] == channel_id)

    def whatsapp(self) -> str:
        config = {"evolutionKey": "k" * 16}
        body = {"name": "WhatsApp", "type": "WHATSAPP", "tenantId": ANYBODY, "config": config}
        return str(self.call("POST", "/api/channels", body, 201)["id"])


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"public_url": "https://hub.example.com"})


@pytest.fixture
def app_client(deps: Deps, provider: Stub) -> FlaskClient:
    provider.on("POST", "/getMe", Reply(json={"ok": True, "result": {"id": 123456, "username": "support_bot"}}))
    provider.on("POST", "/setWebhook", Reply(json={"ok": True, "result": True}))
    provider.on("POST", "/deleteWebhook", Reply(json={"ok": True, "result": True}))
    return create_app(deps, [channels.api, front_end.api]).test_client()


@pytest.fixture
def page(deps: Deps, app_client: FlaskClient) -> Page:
    return Page(app_client, key_for(deps, "acme"))


def _code(**fields: Any) -> PairingCodeIssued:
    return PairingCodeIssued(**({"text": None, "png_base64": None, "pairing_code": None, "valid_seconds": 60} | fields))


def test_a_code_to_scan_stands_in_the_card_as_its_text_until_it_expires(
    deps: Deps, page: Page, app_client: FlaskClient, provider: Stub
) -> None:
    Evolution(provider)
    channel = page.whatsapp()
    instance = instances.by_id(deps, "acme", channel)
    apply_pairing_code(deps, instance, _code(text="2@the,code"), deps.now())
    card = page.card(channel)
    assert (card["qrCode"], card["status"]) == ("2@the,code", "CONNECTING")
    stored = instances.by_id(deps, "acme", channel).pairing
    assert stored is not None
    assert card["qrCodeExpiry"][:19] == stored.expires_at.isoformat()[:19]
    viewer = Page(app_client, key_for(deps, "acme", Role.VIEWER))
    assert (viewer.card(channel)["qrCode"], viewer.card(channel)["qrCodeExpiry"]) == (None, None)
    apply_pairing_code(deps, instance, _code(text="2@old", valid_seconds=-1), deps.now())
    assert page.card(channel)["qrCode"] is None


def test_a_code_whose_event_was_overtaken_by_the_connection_is_not_shown(
    deps: Deps, page: Page, provider: Stub
) -> None:
    Evolution(provider)
    instance = instances.by_id(deps, "acme", page.whatsapp())
    issued_at = deps.now()
    apply_connection(deps, instance, ConnectionChanged(status=InstanceStatus.CONNECTED))
    apply_pairing_code(deps, instance, _code(text="2@late"), issued_at)
    assert (page.card(instance.id)["qrCode"], page.card(instance.id)["status"]) == (None, "CONNECTED")
    apply_pairing_code(deps, instance, _code(text="2@anew"), deps.now())
    assert page.card(instance.id)["qrCode"] == "2@anew"


def test_a_code_that_is_only_a_picture_is_not_put_where_a_text_is_read(deps: Deps, page: Page, provider: Stub) -> None:
    Evolution(provider)
    channel = page.whatsapp()
    apply_pairing_code(deps, instances.by_id(deps, "acme", channel), _code(png_base64="aGk="), deps.now())
    assert (page.card(channel)["qrCode"], page.card(channel)["qrCodeExpiry"]) == (None, None)


def test_a_card_says_since_when_and_as_which_number_it_is_connected(deps: Deps, page: Page, provider: Stub) -> None:
    Evolution(provider)
    channel = page.whatsapp()
    before = page.card(channel)
    assert before["lastConnectAttempt"] is not None
    assert (before["lastConnectedAt"], "phoneNumber" in before["metadata"]) == (None, False)
    connected = ConnectionChanged(status=InstanceStatus.CONNECTED, phone_number="+491701234567")
    apply_connection(deps, instances.by_id(deps, "acme", channel), connected)
    card = page.card(channel)
    assert (card["status"], card["metadata"]["phoneNumber"]) == ("CONNECTED", "+491701234567")
    apply_connection(deps, instances.by_id(deps, "acme", channel), connected)
    assert page.card(channel)["lastConnectedAt"] == card["lastConnectedAt"] is not None


def test_why_a_channel_failed_is_its_last_error(page: Page, provider: Stub) -> None:
    provider.on("POST", "/getMe", Reply(401, {"ok": False, "error_code": 401, "description": "Unauthorized"}))
    body = {"name": "Bot", "type": "TELEGRAM_BOT", "config": {"botToken": TOKEN}}
    card = page.card(page.call("POST", "/api/channels", body, 201)["id"])
    assert card["lastError"] == card["statusDetail"] is not None


@pytest.mark.parametrize(
    ("stored", "word", "connected"),
    [
        (InstanceStatus.CONNECTED, "connected", True),
        (InstanceStatus.CONNECTING, "connecting", False),
        (InstanceStatus.DISCONNECTED, "disconnected", False),
        (InstanceStatus.ERROR, "error", False),
    ],
)
def test_a_card_asks_for_its_status_in_lower_case(
    deps: Deps, page: Page, provider: Stub, stored: InstanceStatus, word: str, connected: bool
) -> None:
    Evolution(provider)
    channel = page.whatsapp()
    change = ConnectionChanged(status=stored, phone_number="+49170", detail="why" if not connected else None)
    apply_connection(deps, instances.by_id(deps, "acme", channel), change)
    answer = page.call("GET", f"/api/channels/{channel}/status")
    assert (answer["ok"], answer["status"], answer["connected"]) == (True, word, connected)
    assert (answer["user"] or {}).get("phoneNumber") == ("+49170" if connected else None)
    assert (answer["error"] is None) is connected


def test_whatsapp_is_started_by_a_request_of_its_own(page: Page, provider: Stub) -> None:
    server = Evolution(provider)
    channel = page.whatsapp()
    assert page.call("POST", f"/api/channels/{channel}/whatsapp/start", {}) == {"ok": True, "status": "starting"}
    assert server.created_count == 1


def _widget(page: Page) -> str:
    return str(page.call("POST", "/api/channels", {"name": "Chat", "type": "WIDGET"}, 201)["id"])


@pytest.mark.parametrize("path", ["/api/channels/{id}/whatsapp/start", "/api/whatsapp/channels/{id}/whatsapp"])
def test_what_is_for_whatsapp_alone_refuses_another_channel(page: Page, path: str) -> None:
    widget = _widget(page)
    assert "WHATSAPP" in page.call("POST", path.format(id=widget), {}, 400)["detail"]
    assert page.card(widget)["status"] == "CONNECTED"


def _removal(**fields: Any) -> dict[str, Any]:
    return {"permanent": True, "disconnect": True, "_method": "DELETE"} | fields


def test_the_page_deletes_a_card_of_whatsapp_by_a_post(page: Page, provider: Stub) -> None:
    Evolution(provider)
    channel = page.whatsapp()
    assert page.call("POST", f"/api/whatsapp/channels/{channel}/whatsapp", _removal()) == {"ok": True}
    assert page.call("GET", "/api/channels") == []


def test_an_account_of_whatsapp_that_is_only_to_be_disconnected_stays(page: Page, provider: Stub) -> None:
    Evolution(provider)
    channel = page.whatsapp()
    page.call("POST", f"/api/whatsapp/channels/{channel}/whatsapp", _removal(permanent=False))
    assert page.card(channel)["status"] == "DISCONNECTED"


def test_the_page_deletes_another_card(page: Page) -> None:
    assert page.call("DELETE", f"/api/channels/{_widget(page)}") == {"ok": True}


def _bot(page: Page, **fields: Any) -> Any:
    body = {"name": "Bot", "type": "TELEGRAM_BOT", "config": {"botToken": TOKEN}}
    return page.call("POST", "/api/channels", body | fields, 201)


def _gear(page: Page, card: Any, **changes: Any) -> Any:
    """What the gear of a card sends: metadata and configuration in one, as they were shown."""
    config = card["metadata"] | card["config"] | changes
    return page.call("PATCH", f"/api/tenants/{ANYBODY}/channels/{card['id']}", {"name": "Sales", "config": config})


def test_the_gear_of_a_card_renames_and_leaves_everything_else_as_it_is(page: Page, deps: Deps, provider: Stub) -> None:
    bot = _bot(page, metadata={"pageName": "Shop", "colour": "a colour nobody knows"})
    calls = len(provider.requests)
    changed = _gear(page, page.card(bot["id"]))
    assert (changed["name"], changed["metadata"]) == ("Sales", bot["metadata"])
    assert deps.secrets.read(f"instance-{bot['id']}")["bot_token"] == TOKEN
    assert len(provider.requests) == calls


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("pageName", "Store", "metadata"),
        ("parseMode", "HTML", "config"),
        ("botToken", "123456:another-token", "secret"),
    ],
)
def test_what_is_changed_by_the_gear_goes_where_it_was(
    page: Page, deps: Deps, name: str, value: str, place: str
) -> None:
    bot = _bot(page, metadata={"pageName": "Shop"})
    changed = _gear(page, page.card(bot["id"]), **{name: value})
    if place == "secret":
        assert deps.secrets.read(f"instance-{bot['id']}")["bot_token"] == value
    else:
        assert changed[place][name] == value
    assert ("pageName" in changed["config"], "parseMode" in changed["metadata"]) == (False, False)


def _connect(page: Page, status: int = 200, **fields: Any) -> Any:
    body = {"channelId": "telegram-1", "botToken": TOKEN} | fields
    return page.call("POST", f"/api/tenants/{ANYBODY}/telegram/bot/connect", body, status)


def test_a_bot_is_connected_by_its_token(page: Page) -> None:
    answer = _connect(page)
    assert (answer["ok"], answer["botUsername"]) == (True, "support_bot")
    card = page.card(answer["channelId"])
    assert (card["type"], card["status"], card["externalId"]) == ("TELEGRAM_BOT", "CONNECTED", "123456")


def test_connecting_the_same_bot_again_makes_no_second_channel(page: Page) -> None:
    first = _connect(page)["channelId"]
    assert _connect(page)["channelId"] == first
    assert _connect(page, channelId=None)["channelId"] == first
    assert len(page.call("GET", "/api/channels")) == 1


def test_a_token_that_telegram_refuses_leaves_no_channel(page: Page, provider: Stub) -> None:
    provider.on("POST", "/getMe", Reply(401, {"ok": False, "error_code": 401, "description": "Unauthorized"}))
    refused = _connect(page, 400)
    assert "botToken" in refused["fields"]
    assert TOKEN not in str(refused)
    assert page.call("GET", "/api/channels") == []


def test_a_bot_of_another_tenant_is_left_alone(page: Page, deps: Deps, app_client: FlaskClient, provider: Stub) -> None:
    _connect(page)
    calls = len(provider.requests)
    other = Page(app_client, key_for(deps, "globex"))
    _connect(other, 409)
    assert other.call("GET", "/api/channels") == []
    assert len(provider.requests) == calls


def test_the_widgets_code_is_given_each_time_for_the_same_widget(page: Page) -> None:
    path = f"/api/tenants/{ANYBODY}/widget/generate"
    first = page.call("POST", path, {})
    assert page.call("POST", path, {}) == first
    [card] = page.call("GET", "/api/channels")
    assert (first["ok"], first["widgetId"], card["type"]) == (True, card["id"], "WIDGET")
    assert first["embedCode"].startswith('<script src="https://hub.example.com/widget/widget/embed.js" async>')


def test_signing_in_at_facebook_leads_back_to_the_page(app_client: FlaskClient) -> None:
    answer = app_client.get(f"/api/tenants/{ANYBODY}/facebook/platforms/facebook/login")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/#/platforms")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/channels/{id}/status"),
        ("POST", "/api/channels/{id}/whatsapp/start"),
        ("POST", "/api/whatsapp/channels/{id}/whatsapp"),
        ("PATCH", "/api/tenants/acme/channels/{id}"),
    ],
)
def test_another_tenants_channel_is_not_there_whatever_tenant_stands_in_the_path(
    page: Page, deps: Deps, app_client: FlaskClient, method: str, path: str
) -> None:
    channel = _widget(page)
    stranger = Page(app_client, key_for(deps, "globex", Role.OWNER))
    body: Any = None if method == "GET" else {}
    assert stranger.call(method, path.format(id=channel), body, 404)["code"] == "not_found"
