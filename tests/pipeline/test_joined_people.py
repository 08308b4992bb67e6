"""Two addresses, met apart, that turn out to be one person's: WhatsApp's telephone numbers and hidden ids."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.conversations import Conversation, ConversationStatus
from shared.errors import StoreError
from shared.usecases.sweep import sweep
from tests.evolution import MARIA
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import Telegram, WhatsApp

HIDDEN = "99887766554433@lid"
OTHER_NUMBER = "5511977776666@s.whatsapp.net"


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


@pytest.fixture
def shop(hub: ManualHub) -> WhatsApp:
    shop = WhatsApp.of(hub)
    hub.patch(f"/api/channels/{shop.id}", {"config": {"csat": False}})
    return shop


def _met_apart(shop: WhatsApp) -> None:
    shop.writes("by hidden id", remoteJid=HIDDEN)
    shop.writes("by number")


def _joined(shop: WhatsApp, text: str = "both") -> None:
    shop.writes(text, remoteJidAlt=HIDDEN)


def _with(hub: ManualHub, text: str) -> Conversation:
    """The conversation that has the message."""
    conversation_id = hub.message(text).conversation_id
    return next(each for each in hub.conversations() if each.id == conversation_id)


def _change(hub: ManualHub, conversation: Conversation, status: str) -> None:
    hub.patch(f"/api/conversations/{conversation.id}", {"status": status})


def _put(hub: ManualHub, path: str, body: Any) -> None:
    answer = hub.client.put(path, json=body, headers=hub.headers)
    assert answer.status_code == 200, answer.text


def _counted(hub: ManualHub, name: str) -> int:
    return sum(int(row.get(name, 0)) for row in hub.documents("stats", tenant_id=hub.tenant_id))


def _crash() -> None:
    raise StoreError("the store is away")


def test_the_second_conversation_is_closed_like_any_other(hub: ManualHub, shop: WhatsApp) -> None:
    _met_apart(shop)
    until = (hub.deps.now() + timedelta(days=1)).isoformat()
    hub.patch(f"/api/conversations/{_with(hub, 'by hidden id').id}", {"status": "SNOOZED", "snoozedUntil": until})
    _joined(shop)
    open_conversation, closed = _with(hub, "by number"), _with(hub, "by hidden id")
    assert _with(hub, "both").id == open_conversation.id
    assert open_conversation.status is ConversationStatus.OPEN
    assert (closed.status, closed.snoozed_until, closed.needs_reply_since) == (ConversationStatus.CLOSED, None, None)
    assert closed.closed_at is not None
    assert _counted(hub, "resolved") == 1
    _change(hub, open_conversation, "CLOSED")
    _change(hub, closed, "OPEN")
    assert _counted(hub, "resolved") == 1
    shop.writes("into the one that is open again")
    assert _with(hub, "into the one that is open again").id == closed.id


def test_a_customer_has_waited_since_their_first_message_at_either_address(hub: ManualHub, shop: WhatsApp) -> None:
    _met_apart(shop)
    _joined(shop)
    assert hub.message("by hidden id").created_at == _with(hub, "both").needs_reply_since


def test_who_was_answered_at_one_address_still_waits_at_the_other(hub: ManualHub, shop: WhatsApp) -> None:
    _met_apart(shop)
    shop.writes("our answer", fromMe=True)
    hub.overlaps.clock.advance(minutes=1)
    _joined(shop)
    assert hub.message("by hidden id").created_at == _with(hub, "both").needs_reply_since


def test_the_only_open_conversation_goes_on(hub: ManualHub, shop: WhatsApp) -> None:
    _met_apart(shop)
    _change(hub, _with(hub, "by number"), "CLOSED")
    _joined(shop)
    assert _with(hub, "both").id == _with(hub, "by hidden id").id
    assert _with(hub, "both").status is ConversationStatus.OPEN
    _change(hub, _with(hub, "both"), "CLOSED")
    shop.writes("later")
    assert _with(hub, "later").id not in {_with(hub, text).id for text in ("by number", "by hidden id")}
    _change(hub, _with(hub, "later"), "CLOSED")
    _change(hub, _with(hub, "both"), "OPEN")
    shop.writes("by hidden id again", remoteJid=HIDDEN)
    assert _with(hub, "by hidden id again").id == _with(hub, "both").id


def test_an_address_of_an_address_leads_to_the_person(hub: ManualHub, shop: WhatsApp) -> None:
    _joined(shop, "the hidden id is that of the first number")
    shop.writes("from another number", remoteJid=OTHER_NUMBER)
    shop.writes("which is hers", remoteJid=OTHER_NUMBER, remoteJidAlt=HIDDEN)
    for number, address in enumerate((HIDDEN, MARIA, OTHER_NUMBER)):
        shop.writes(f"again {number}", remoteJid=address)
    assert {_with(hub, f"again {number}").id for number in range(3)} == {_with(hub, "from another number").id}
    assert len({each.customer_id for each in hub.conversations()}) == 1


def test_an_answer_to_a_survey_counts_at_the_other_address_too(hub: ManualHub, shop: WhatsApp) -> None:
    _met_apart(shop)
    hub.patch(f"/api/channels/{shop.id}", {"config": {"csat": True}})
    surveyed = _with(hub, "by hidden id")
    _change(hub, surveyed, "CLOSED")
    hub.patch(f"/api/channels/{shop.id}", {"config": {"csat": False}})
    _change(hub, _with(hub, "by number"), "CLOSED")
    _joined(shop, "5")
    assert [(rating["id"], rating["score"]) for rating in hub.documents("ratings")] == [(surveyed.id, 5)]


def test_a_response_to_a_campaign_counts_at_the_other_address_too(hub: ManualHub, shop: WhatsApp) -> None:
    _met_apart(shop)
    customer_id = _with(hub, "by hidden id").customer_id
    sale = {"name": "Sale", "channels": ["whatsapp"], "message": "Sale!", "audience": {"customer_ids": [customer_id]}}
    campaign_id = hub.post("/campaigns", sale, 201)["campaign_id"]
    hub.post(f"/campaigns/{campaign_id}/launch", {}, 202)
    sweep(hub.deps)
    hub.deliver()
    _joined(shop)
    assert hub.get(f"/campaigns/{campaign_id}/omnichannel")["metrics"]["responses"] == 1


def test_the_two_customers_are_merged(hub: ManualHub, shop: WhatsApp) -> None:
    """What the business knows of either, and the sessions on other channels, are the one person's."""
    _met_apart(shop)
    bot = Telegram.of(hub)
    bot.writes("by telegram")
    hidden, number, telegram = (_with(hub, text).customer_id for text in ("by hidden id", "by number", "by telegram"))
    hub.post(f"/customers/{hidden}/merge", {"source_id": telegram})
    _put(hub, f"/customers/{hidden}/profile", {"email": "maria@shop.example", "tags": ["vip"]})
    _joined(shop)
    for customer_id in (hidden, number, telegram):
        profile = hub.get(f"/customers/{customer_id}/profile")
        assert (profile["customer_id"], profile["email"], profile["tags"]) == (number, "maria@shop.example", ["vip"])
    sessions = {each["session_id"] for each in hub.get(f"/customers/{number}/history")["interactions"]}
    assert sessions == {each.id for each in hub.conversations()}


def test_two_customers_who_cannot_be_merged_stay_two(hub: ManualHub, shop: WhatsApp) -> None:
    _met_apart(shop)
    hidden, number = (_with(hub, text).customer_id for text in ("by hidden id", "by number"))
    merge_id = hub.post(f"/customers/{number}/merge", {"source_id": hidden})["merge_id"]
    hub.overlaps.store.after_commit("conversations", _crash)
    hub.post(f"/customers/{number}/unmerge", {"merge_id": merge_id}, 503)
    _change(hub, _with(hub, "by number"), "CLOSED")
    _joined(shop)
    shop.writes("by hidden id again", remoteJid=HIDDEN)
    assert {_with(hub, text).id for text in ("both", "by hidden id again")} == {_with(hub, "by hidden id").id}
    assert _with(hub, "both").customer_id == number
    assert [data["customer_id"] for data in hub.documents("identities")] == [number, number]
    assert hub.get(f"/customers/{hidden}/profile")["customer_id"] == hidden


def test_a_merge_of_the_two_that_is_under_way_is_finished(hub: ManualHub, shop: WhatsApp) -> None:
    _met_apart(shop)
    hidden, number = (_with(hub, text).customer_id for text in ("by hidden id", "by number"))
    hub.overlaps.store.after_commit("customer_merges", lambda: _joined(shop))
    hub.post(f"/customers/{hidden}/merge", {"source_id": number})
    assert hub.overlaps.all_happened
    assert {each.customer_id for each in hub.conversations()} == {hidden}
    for customer_id in (hidden, number):
        assert hub.get(f"/customers/{customer_id}/profile")["customer_id"] == hidden


def test_a_message_at_the_other_address_meanwhile_is_joined_too(hub: ManualHub, shop: WhatsApp) -> None:
    _met_apart(shop)
    for text in ("by hidden id", "by number"):
        _change(hub, _with(hub, text), "CLOSED")
    hidden, number = (_with(hub, text).customer_id for text in ("by hidden id", "by number"))
    hub.post(f"/customers/{number}/merge", {"source_id": hidden})
    hub.overlaps.store.before_commit("messages", lambda: shop.writes("meanwhile", remoteJid=HIDDEN))
    _joined(shop)
    assert hub.overlaps.all_happened
    assert _with(hub, "meanwhile").id == _with(hub, "both").id
