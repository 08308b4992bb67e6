"""A customer's telephone number that a later message is the first to tell: WhatsApp hides it from some accounts."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.conversations import ConversationStatus
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import Telegram, WhatsApp

HIDDEN = "99887766554433@lid"
NUMBER = "+5511988887777"
"""The number from which Maria writes."""


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


@pytest.fixture
def shop(hub: ManualHub) -> WhatsApp:
    """A shop that knows only Maria's hidden id; each new conversation tags its customer."""
    shop = WhatsApp.of(hub)
    shop.writes("by hidden id", remoteJid=HIDDEN)
    hub.patch(f"/api/channels/{shop.id}", {"config": {"csat": False}})
    hub.post("/routing/rules", {"condition": "channel=whatsapp", "action": "add_tag:returning"}, 201)
    return shop


def _close(hub: ManualHub) -> None:
    for conversation in hub.conversations():
        hub.patch(f"/api/conversations/{conversation.id}", {"status": "CLOSED"})


def _returns(hub: ManualHub, shop: WhatsApp) -> None:
    """Maria's next message begins a conversation and carries the number."""
    _close(hub)
    shop.writes("with number", remoteJidAlt=HIDDEN)


def _customer_id(hub: ManualHub) -> str:
    [customer_id] = {each.customer_id for each in hub.conversations()}
    return customer_id


def _put(hub: ManualHub, profile: Any) -> None:
    answer = hub.client.put(f"/customers/{_customer_id(hub)}/profile", json=profile, headers=hub.headers)
    assert answer.status_code == 200, answer.text


def _number_and_tags(hub: ManualHub) -> tuple[str | None, list[str]]:
    """The number in the profile, which is also the open session's, and the tags."""
    profile = hub.get(f"/customers/{_customer_id(hub)}/profile")
    for conversation in hub.conversations():
        if conversation.status is ConversationStatus.OPEN:
            assert conversation.customer_phone == profile["phone"]
    return profile["phone"], profile["tags"]


def test_a_number_and_a_tag_that_the_same_message_brings_are_both_kept(hub: ManualHub, shop: WhatsApp) -> None:
    assert _number_and_tags(hub) == (None, [])
    _returns(hub, shop)
    assert _number_and_tags(hub) == (NUMBER, ["returning"])
    shop.writes("and again")
    assert _number_and_tags(hub) == (NUMBER, ["returning"])


def test_a_number_that_is_told_in_an_open_conversation_is_kept(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("with number", remoteJidAlt=HIDDEN)
    assert _number_and_tags(hub) == (NUMBER, [])
    _close(hub)
    shop.writes("by hidden id again", remoteJid=HIDDEN)
    assert _number_and_tags(hub) == (NUMBER, ["returning"])


def test_the_number_that_the_business_wrote_down_stays(hub: ManualHub, shop: WhatsApp) -> None:
    _put(hub, {"phone": "+4930123456"})
    _returns(hub, shop)
    assert _number_and_tags(hub) == ("+4930123456", ["returning"])


@pytest.mark.parametrize("begins", [True, False])
def test_the_number_that_the_business_writes_down_meanwhile_stays(hub: ManualHub, shop: WhatsApp, begins: bool) -> None:
    hub.overlaps.store.before_commit("customers", lambda: _put(hub, {"phone": "+4930123456", "tags": ["vip"]}))
    if begins:
        _returns(hub, shop)
    else:
        shop.writes("with number", remoteJidAlt=HIDDEN)
    assert hub.overlaps.all_happened
    assert _number_and_tags(hub) == ("+4930123456", ["vip", "returning"] if begins else ["vip"])


def test_the_number_of_the_customer_that_remains_after_a_merge_stays(hub: ManualHub, shop: WhatsApp) -> None:
    maria = hub.conversation().customer_id
    shop.writes("by number", remoteJid="5511977776666@s.whatsapp.net")
    other = next(each.customer_id for each in hub.conversations() if each.customer_id != maria)
    hub.overlaps.store.after_commit("identities", lambda: shop.writes("with number", remoteJidAlt=HIDDEN))
    hub.post(f"/customers/{other}/merge", {"source_id": maria})
    assert hub.overlaps.all_happened
    assert _number_and_tags(hub)[0] == "+5511977776666"


def test_tags_that_are_given_meanwhile_stay(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("the number first", remoteJidAlt=HIDDEN)
    hub.overlaps.store.before_commit("customers", lambda: _put(hub, {"tags": ["vip"]}))
    _returns(hub, shop)
    assert hub.overlaps.all_happened
    assert _number_and_tags(hub) == (NUMBER, ["vip", "returning"])


def test_a_number_that_is_known_costs_no_look_at_the_customer(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("with number", remoteJidAlt=HIDDEN)
    looks: list[str] = []
    hub.overlaps.store.after_read("customers", lambda: looks.append("a look"))
    shop.writes("and again")
    assert looks == []
    hub.get(f"/customers/{_customer_id(hub)}/profile")
    assert looks == ["a look"]


def test_a_number_stays_with_a_session_that_moves_to_a_channel_without_numbers(hub: ManualHub, shop: WhatsApp) -> None:
    bot = Telegram.of(hub)
    bot.writes("by telegram")
    telegram = hub.message("by telegram")
    hub.post(f"/customers/{hub.message('by hidden id').customer_id}/merge", {"source_id": telegram.customer_id})
    hub.patch(f"/api/channels/{bot.id}", {"config": {"csat": False}})
    hub.patch(f"/api/conversations/{telegram.conversation_id}", {"status": "CLOSED"})
    shop.writes("with number", remoteJidAlt=HIDDEN)
    session = hub.message("with number").conversation_id
    hub.post(f"/sessions/{session}/transfer", {"from_channel": "whatsapp", "to_channel": "telegram_bot"})
    bot.writes("by telegram again")
    assert hub.message("by telegram again").conversation_id == session
    assert hub.get(f"/sessions/{session}")["customer_info"]["phone"] == NUMBER
