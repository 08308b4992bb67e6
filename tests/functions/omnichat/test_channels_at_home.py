"""OmniChat's channels in a hub that has no `PUBLIC_URL`."""

from __future__ import annotations

import pytest

from functions.omnichat import channels
from shared.deps import Deps
from tests.apps import create_app
from tests.evolution import Evolution
from tests.functions.keys import key_for
from tests.functions.omnichat.test_channels import Bots
from tests.stubs import Reply, Stub


@pytest.fixture
def at_home(deps: Deps) -> Bots:
    """The door of a hub on a laptop, which has no address that every provider could call."""
    return Bots(create_app(deps, [channels.api]).test_client(), key_for(deps, "acme"))


def test_a_whatsapp_session_begins_with_its_channel_also_on_a_laptop(at_home: Bots, provider: Stub) -> None:
    server = Evolution(provider)
    created = at_home.make(name="Shop", type="WHATSAPP", config={"evolutionKey": "k" * 16})
    assert server.hook["url"] == "http://localhost/webhook/evolution/shop"
    assert (server.created_count, created["statusDetail"]) == (1, None)
    assert at_home.call("GET", f"/{created['id']}")["status"] == "CONNECTING"


def test_a_whatsapp_session_begins_when_its_key_is_given_later(at_home: Bots, provider: Stub) -> None:
    server = Evolution(provider)
    created = at_home.make(type="WHATSAPP", config={})
    assert server.created_count == 0
    changed = at_home.call("PATCH", f"/{created['id']}", {"config": {"evolutionKey": "k" * 16}})
    assert (server.created_count, changed["status"]) == (1, "CONNECTING")


def test_who_wants_a_public_address_is_not_told_the_laptops(at_home: Bots, provider: Stub) -> None:
    provider.on("POST", "/getMe", Reply(json={"ok": True, "result": {"id": 123456, "username": "support_bot"}}))
    created = at_home.make()
    assert created["webhook"]["url"] is None
    assert provider.to("/setWebhook") == []
