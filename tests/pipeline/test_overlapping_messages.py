"""What messages do to their conversation, also when two come at once or the business acts meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.conversations import Conversation, ConversationStatus
from shared.domain.events import Topic
from shared.domain.messages import Direction
from tests.evolution import written
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import Telegram, WhatsApp

HIDDEN = "99887766554433@lid"


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


@pytest.fixture
def shop(hub: ManualHub) -> WhatsApp:
    shop = WhatsApp.of(hub)
    hub.patch(f"/api/channels/{shop.id}", {"config": {"csat": False}})
    return shop


def _of(hub: ManualHub, text: str) -> Conversation:
    """The conversation that has the message."""
    conversation_id = hub.message(text).conversation_id
    return next(each for each in hub.conversations() if each.id == conversation_id)


def _arrival(hub: ManualHub, text: str) -> datetime:
    return hub.message(text).created_at


def _change(hub: ManualHub, **changes: Any) -> None:
    for each in hub.conversations():
        hub.patch(f"/api/conversations/{each.id}", changes)


def _answer(hub: ManualHub, text: str) -> None:
    hub.post("/messages/send", {"session_id": hub.conversation().id, "content": text}, 202)


def _count(hub: ManualHub, name: str) -> int:
    return sum(int(row.get(name, 0)) for row in hub.documents("stats", tenant_id=hub.tenant_id))


def test_two_first_messages_at_once_begin_one_conversation(hub: ManualHub, shop: WhatsApp) -> None:
    hub.overlaps.store.before_commit("identities", lambda: shop.writes("stored first"))
    shop.writes("arrived first")
    assert hub.overlaps.all_happened
    assert hub.all_texts() == ["arrived first", "stored first"]
    assert hub.conversation().needs_reply_since == _arrival(hub, "arrived first")
    assert hub.conversation().last_inbound_message_id == hub.message("arrived first").id
    assert len(hub.documents("customers", tenant_id=hub.tenant_id)) == 1
    assert (_count(hub, "sessions"), _count(hub, "inbound")) == (1, 2)


def test_two_first_messages_at_once_under_two_addresses_are_one_persons(hub: ManualHub, shop: WhatsApp) -> None:
    hub.overlaps.store.before_commit("identities", lambda: shop.writes("by hidden id", remoteJid=HIDDEN))
    shop.writes("both", remoteJidAlt=HIDDEN)
    assert hub.overlaps.all_happened
    assert _of(hub, "by hidden id").id == _of(hub, "both").id
    assert len({each.customer_id for each in hub.conversations()}) == 1


def test_of_two_messages_at_once_the_one_that_arrived_first_has_waited_longest(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("hello")
    shop.writes("answer", fromMe=True)
    hub.overlaps.store.before_commit("identities", lambda: shop.writes("stored first"))
    shop.writes("arrived first")
    assert hub.overlaps.all_happened
    assert len(hub.messages()) == 4
    assert hub.conversation().needs_reply_since == _arrival(hub, "arrived first")


def test_a_message_during_the_closing_begins_a_conversation(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("hello")
    hub.overlaps.store.before_commit("identities", lambda: _change(hub, status="CLOSED"))
    shop.writes("one more thing")
    assert hub.overlaps.all_happened
    closed, new = _of(hub, "hello"), _of(hub, "one more thing")
    assert (closed.status, new.status) == (ConversationStatus.CLOSED, ConversationStatus.OPEN)
    assert new.needs_reply_since == _arrival(hub, "one more thing")
    assert closed.customer_id == new.customer_id


def test_a_message_during_an_answer_is_waiting_for_the_next(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("hello")
    hub.overlaps.store.before_commit("identities", lambda: _answer(hub, "answer"))
    shop.writes("one more thing")
    assert hub.overlaps.all_happened
    assert hub.conversation().needs_reply_since == _arrival(hub, "one more thing")
    shop.writes("and another")
    assert hub.conversation().needs_reply_since == _arrival(hub, "one more thing")


def test_a_message_ends_a_snooze_and_leaves_the_rest(hub: ManualHub, shop: WhatsApp) -> None:
    until = (hub.deps.now() + timedelta(days=1)).isoformat()
    shop.writes("hello")
    for text, from_me in (("from the customer", False), ("from the business", True)):
        _change(hub, status="SNOOZED", snoozedUntil=until, priority="HIGH", assigneeId="ann")
        before = hub.conversation()
        hub.overlaps.clock.advance(minutes=1)
        shop.writes(text, fromMe=from_me)
        after = hub.conversation()
        assert (after.status, after.snoozed_until) == (ConversationStatus.OPEN, None)
        assert after.last_message_at == _arrival(hub, text)
        assert (after.priority, after.assignee_id, after.summary) == (before.priority, "ann", "hello")
        assert (after.created_at, after.legs) == (before.created_at, before.legs)


def test_our_own_message_ends_the_waiting_and_is_nobodys_question(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("hello")
    shop.writes("from our telephone", fromMe=True)
    assert hub.conversation().needs_reply_since is None
    assert hub.conversation().last_inbound_message_id == hub.message("hello").id
    assert hub.conversation().customer_name == "Maria"
    shop.writes("thank you")
    assert hub.conversation().needs_reply_since == _arrival(hub, "thank you")
    assert (_count(hub, "inbound"), _count(hub, "outbound")) == (2, 1)


def _brings_history(shop: WhatsApp, text: str, **key: Any) -> None:
    shop.brings("messages.set", [written(text, **key)])


def test_what_was_said_before_an_account_was_connected_asks_for_nothing(hub: ManualHub, shop: WhatsApp) -> None:
    hub.post("/routing/rules", {"condition": "channel=whatsapp", "action": "add_tag:new; set_priority:high"}, 201)
    hub.new_events(Topic.REPLIES)
    _brings_history(shop, "long ago")
    assert hub.new_events(Topic.REPLIES) == []
    assert hub.conversation().needs_reply_since is None
    assert hub.conversation().routed_at is None
    [customer] = hub.documents("customers", tenant_id=hub.tenant_id)
    assert customer["tags"] == []


def test_what_was_said_before_takes_no_waiting_away(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("hello")
    for text, from_me in (("long ago", False), ("our answer then", True)):
        _brings_history(shop, text, fromMe=from_me)
    assert hub.conversation().needs_reply_since == _arrival(hub, "hello")
    shop.writes("anybody there?")
    assert hub.conversation().needs_reply_since == _arrival(hub, "hello")


def test_a_name_that_the_provider_changes_is_shown_and_none_takes_it_away(hub: ManualHub) -> None:
    bot = Telegram.of(hub)
    for name, expected in (("Ann", "Ann"), ("Ann Lee", "Ann Lee")):
        update = hub.update(5, f"I am {name}")
        update["message"]["from"]["first_name"] = name
        bot.brings(update)
        assert hub.conversation().customer_name == expected
    shop = WhatsApp.of(hub)
    shop.writes("with name")
    nameless = written("without") | {"pushName": None}
    shop.brings("messages.upsert", nameless)
    assert _of(hub, "without").customer_name == "Maria"


def test_a_customers_message_and_ours_at_once_leave_nobody_forgotten(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("hello")
    hub.overlaps.store.before_commit("identities", lambda: shop.writes("one more thing"))
    shop.writes("from our telephone", fromMe=True)
    assert hub.overlaps.all_happened
    assert [message.direction for message in hub.messages()].count(Direction.OUTBOUND) == 1
    assert hub.conversation().needs_reply_since is None
    shop.writes("thank you")
    assert hub.conversation().needs_reply_since == _arrival(hub, "thank you")
