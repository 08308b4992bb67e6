"""Access rules decide who may write; who writes too much is left to people."""

from __future__ import annotations

from typing import Any

import pytest

from shared.documents.unit_of_work import UnitOfWork
from shared.domain.access import MAX_RULES
from shared.domain.conversations import ConversationStatus, Owner
from shared.domain.flood_notice import notice
from shared.domain.messages import Direction
from tests.pipeline.manual_hub import PHONE, ManualHub


def _rule(hub: ManualHub, effect: str, kind: str, value: str, **more: Any) -> Any:
    return hub.post("/api/access/rules", {"effect": effect, "kind": kind, "value": value} | more, 201)


def _check(hub: ManualHub, address: str, **more: Any) -> tuple[bool, str | None]:
    """Whether the address may write, and the value of the rule that says so."""
    checked = hub.post("/api/access/check", {"address": address} | more)
    return checked["allowed"], checked["rule"] and checked["rule"]["value"]


@pytest.fixture
def line(manual_hub: ManualHub, bot: str) -> str:
    """A Telegram bot whose customers are answered by an agent that does not rest."""
    manual_hub.echo_agent(cooldownSeconds=0)
    return bot


def test_what_a_blocked_sender_writes_is_kept_answered_by_nobody_and_shown_on_request(
    manual_hub: ManualHub, line: str
) -> None:
    _rule(manual_hub, "block", "address", "5")
    manual_hub.new_realtime_events()
    manual_hub.writes(line, "buy this", "and this")
    manual_hub.work()
    assert manual_hub.sent_texts() == []
    assert manual_hub.new_realtime_events() == []
    conversation = manual_hub.conversation()
    assert (conversation.status, conversation.needs_reply_since) == (ConversationStatus.CLOSED, None)
    path = f"/api/conversations/{conversation.id}/messages"
    assert manual_hub.get(path)["messages"] == []
    messages = manual_hub.get(f"{path}?blocked=true")["messages"]
    assert [(message["text"], message["blocked"]) for message in messages] == [("buy this", True), ("and this", True)]


def test_who_is_blocked_in_the_middle_of_a_conversation_is_not_answered_any_more(
    manual_hub: ManualHub, line: str
) -> None:
    manual_hub.writes(line, "hello")
    manual_hub.work()
    rule = _rule(manual_hub, "block", "address", "5", channelId=line)
    manual_hub.writes(line, "buy this")
    manual_hub.work()
    assert manual_hub.sent_texts() == ["Echo: hello"]
    assert manual_hub.conversation().status is ConversationStatus.OPEN
    manual_hub.client.delete(f"/api/access/rules/{rule['id']}", headers=manual_hub.headers)
    manual_hub.writes(line, "I am sorry")
    manual_hub.work()
    assert manual_hub.sent_texts() == ["Echo: hello", "Echo: I am sorry"]


def test_a_rule_of_one_channel_holds_on_no_other(manual_hub: ManualHub, line: str) -> None:
    other = manual_hub.telegram("Other")
    _rule(manual_hub, "block", "prefix", "*", channelId=other)
    manual_hub.writes(line, "hello")
    manual_hub.work()
    assert manual_hub.sent_texts() == ["Echo: hello"]


def test_a_tag_blocks_its_customers(manual_hub: ManualHub, line: str) -> None:
    manual_hub.writes(line, "hello")
    manual_hub.work()
    manual_hub.put(f"/customers/{manual_hub.conversation().customer_id}/profile", {"tags": ["spam"]})
    _rule(manual_hub, "block", "tag", "spam")
    manual_hub.writes(line, "buy this")
    manual_hub.work()
    assert manual_hub.sent_texts() == ["Echo: hello"]
    assert _check(manual_hub, "5", channelId=line) == (False, "spam")


def test_a_country_is_that_of_the_telephone_number(manual_hub: ManualHub, whatsapp: str) -> None:
    manual_hub.echo_agent()
    _rule(manual_hub, "block", "country", "br")
    manual_hub.maria_writes(whatsapp, "oi")
    manual_hub.work()
    assert manual_hub.sent_texts("/message/sendText") == []
    assert _check(manual_hub, PHONE) == (False, "br")
    assert _check(manual_hub, "+351 912 345 678") == (True, None)


def test_the_most_specific_rule_decides(manual_hub: ManualHub, line: str) -> None:
    _rule(manual_hub, "block", "prefix", "*")
    _rule(manual_hub, "allow", "country", "DE")
    _rule(manual_hub, "block", "prefix", "+4915")
    _rule(manual_hub, "allow", "prefix", "+491520")
    _rule(manual_hub, "block", "address", "+49 1520 1111111")
    assert _check(manual_hub, "ann@example.com") == (False, "*")
    assert _check(manual_hub, "+4930123456") == (True, "DE")
    assert _check(manual_hub, "+4915112345678") == (False, "+4915")
    assert _check(manual_hub, "+4915201234567") == (True, "+491520")
    assert _check(manual_hub, "+4915201111111") == (False, "+49 1520 1111111")


def test_rules_are_read_changed_and_removed(manual_hub: ManualHub) -> None:
    rule = _rule(manual_hub, "block", "prefix", "+882", note="satellites")
    path = f"/api/access/rules/{rule['id']}"
    changed = manual_hub.patch(path, {"effect": "allow"})
    assert (changed["effect"], changed["value"], changed["note"]) == ("allow", "+882", "satellites")
    assert manual_hub.get("/api/access/rules")["rules"] == [manual_hub.get(path)] == [changed]
    assert manual_hub.client.delete(path, headers=manual_hub.headers).status_code == 204
    assert manual_hub.get("/api/access/rules") == {"rules": []}
    manual_hub.get(path, 404)


def test_there_is_an_end_to_the_rules(manual_hub: ManualHub) -> None:
    _rule(manual_hub, "block", "address", "5")
    unit = UnitOfWork(manual_hub.store)
    rule_set = unit.access_rules.get(manual_hub.documents("access_rules")[0]["tenant_id"])
    assert rule_set is not None
    rule_set.rules *= MAX_RULES - 1
    unit.commit()
    _rule(manual_hub, "block", "address", "6")
    one_more = {"effect": "block", "kind": "address", "value": "7"}
    assert "1000 rules already" in manual_hub.post("/api/access/rules", one_more, 400)["detail"]


@pytest.mark.parametrize(("kind", "value"), [("country", "Brazil"), ("address", " ")])
def test_a_rule_that_can_never_apply_is_refused(manual_hub: ManualHub, kind: str, value: str) -> None:
    manual_hub.post("/api/access/rules", {"effect": "block", "kind": kind, "value": value}, 400)


def test_who_writes_too_much_is_left_to_a_person_and_both_are_told_once(manual_hub: ManualHub, line: str) -> None:
    manual_hub.patch(f"/api/channels/{line}", {"config": {"messagesPerMinute": 2}})
    for text in ("1", "2", "3", "4"):
        manual_hub.writes(line, text)
        manual_hub.work()
    conversation = manual_hub.conversation()
    assert manual_hub.sent_texts() == ["Echo: 1", "Echo: 2", notice("en")]
    assert (conversation.owner, conversation.needs_human) == (Owner.NOBODY, True)
    notifications = manual_hub.get("/notifications")["notifications"]
    reasons = [each["message"] for each in notifications if each["type"] == "too_many_messages"]
    assert reasons == ["Support: more than 2 messages came within a minute"]
    assert [note.text for note in manual_hub.messages(Direction.SYSTEM)] == [
        "A person is needed: more than 2 messages came within a minute"
    ]


def test_who_writes_as_much_in_more_time_is_answered(manual_hub: ManualHub, line: str) -> None:
    manual_hub.patch(f"/api/channels/{line}", {"config": {"messagesPerMinute": 2}})
    for text in ("1", "2", "3", "4"):
        manual_hub.writes(line, text)
        manual_hub.work()
        manual_hub.wait(seconds=31)
    assert manual_hub.sent_texts() == ["Echo: 1", "Echo: 2", "Echo: 3", "Echo: 4"]


def test_all_addresses_of_a_customer_count(manual_hub: ManualHub, line: str) -> None:
    manual_hub.patch(f"/api/channels/{line}", {"config": {"messagesPerMinute": 4}})
    chats = (5, 6)
    for chat in chats:
        manual_hub.writes(line, "1", chat=chat)
    into, source = [each.customer_id for each in manual_hub.conversations()]
    manual_hub.post(f"/api/customers/{into}/merge", {"sourceId": source})
    manual_hub.work()
    for text in ("2", "3"):
        for chat in chats:
            manual_hub.writes(line, text, chat=chat)
    assert {each.owner for each in manual_hub.conversations()} == {Owner.NOBODY}
    manual_hub.wait(minutes=2)
    manual_hub.writes(line, "1", chat=7)
    assert [each.owner for each in manual_hub.conversations() if each.external_user_id == "7"] == [Owner.BOT]


def test_a_flood_takes_a_conversation_from_no_person(manual_hub: ManualHub, line: str) -> None:
    manual_hub.patch(f"/api/channels/{line}", {"config": {"messagesPerMinute": 1}})
    manual_hub.writes(line, "1")
    manual_hub.say(manual_hub.conversation().id, "I am here")
    manual_hub.writes(line, "2", "3")
    assert manual_hub.conversation().owner is Owner.HUMAN
