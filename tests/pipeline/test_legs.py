"""The legs of a conversation that moves from channel to channel and back."""

from __future__ import annotations

import pytest

from shared.domain.conversations import Leg
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import Telegram, WhatsApp


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


def _transfer(hub: ManualHub, origin: str, target: str, status: int = 200) -> None:
    body = {"from_channel": origin, "to_channel": target}
    hub.post(f"/sessions/{hub.conversation().id}/transfer", body, status)


def _legs(hub: ManualHub) -> list[Leg]:
    return hub.conversation().legs


def test_a_leg_ends_when_the_conversation_leaves_it_and_never_again(hub: ManualHub) -> None:
    bot, shop = Telegram.of(hub), WhatsApp.of(hub)
    bot.writes("hello")
    customer_id = hub.conversation().customer_id
    profile = {"phone": "+5511988887777"}
    assert hub.client.put(f"/customers/{customer_id}/profile", json=profile, headers=hub.headers).status_code == 200
    history: list[list[Leg]] = [_legs(hub)]
    for origin, target in (
        ("telegram_bot", "whatsapp"),
        ("whatsapp", "telegram_bot"),
        ("telegram_bot", "whatsapp"),
    ):
        hub.overlaps.clock.advance(minutes=2)
        before = hub.deps.now()
        _transfer(hub, origin, target)
        history.append(_legs(hub))
        *ended, left, entered = _legs(hub)
        assert ended == history[-2][:-1]
        assert left.ended_at is not None
        assert before <= left.ended_at == entered.started_at
        assert left == history[-2][-1].model_copy(update={"ended_at": left.ended_at})
        assert entered.ended_at is None
    assert [leg.instance_id for leg in _legs(hub)] == [bot.id, shop.id, bot.id, shop.id]
    shop.writes("hello over there")
    hub.deliver()
    assert _legs(hub) == history[-1]


def test_a_transfer_that_is_refused_ends_no_leg(hub: ManualHub) -> None:
    bot = Telegram.of(hub)
    WhatsApp.of(hub)
    bot.writes("hello")
    legs = _legs(hub)
    _transfer(hub, "whatsapp", "telegram_bot", 409)
    _transfer(hub, "telegram_bot", "whatsapp", 422)
    assert _legs(hub) == legs
    assert legs[0].ended_at is None
