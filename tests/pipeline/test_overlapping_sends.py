"""Sending while the conversation is closed, moved, answered or begun by somebody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from functions.hub.main import blueprints
from infra.bench.counting import CountingStore
from shared.domain.events import Topic
from shared.domain.messages import Direction
from shared.errors import StoreError
from shared.ports.store import Ref
from tests.apps import create_app
from tests.pipeline.manual_hub import PHONE, ManualHub


def test_what_is_sent_while_the_conversation_is_closed_opens_it_again(
    manual_hub: ManualHub, bot: str, session: str
) -> None:
    manual_hub.overlaps.store.before_commit("outbox", lambda: manual_hub.set_status(session, "CLOSED"))
    manual_hub.say(session, "hello")
    manual_hub.writes(bot, "thanks")
    assert (manual_hub.of(session).status, manual_hub.of(session).closed_at) == ("open", None)
    assert manual_hub.texts(session) == ["one", "hello", "thanks"]


def test_what_is_sent_into_a_closed_conversation_is_answered_in_it(
    manual_hub: ManualHub, bot: str, session: str
) -> None:
    manual_hub.set_status(session, "CLOSED")
    manual_hub.say(session, "hello")
    manual_hub.writes(bot, "thanks")
    assert manual_hub.texts(session) == ["one", "hello", "thanks"]


def test_a_closed_conversation_is_not_opened_by_a_message_when_the_customer_begins_another_one_meanwhile(
    manual_hub: ManualHub, bot: str, session: str
) -> None:
    manual_hub.set_status(session, "CLOSED")
    manual_hub.overlaps.store.before_commit("outbox", lambda: manual_hub.writes(bot, "two"))
    manual_hub.say(session, "hello", status=409)
    assert manual_hub.of(session).status == "closed"
    assert manual_hub.texts(session) == ["one"]
    [other] = manual_hub.others(session)
    manual_hub.writes(bot, "three")
    assert manual_hub.texts(other.id) == ["two", "three"]


def test_what_is_sent_while_the_conversation_moves_goes_out_where_it_is_then(
    manual_hub: ManualHub, session: str
) -> None:
    manual_hub.overlaps.store.before_commit("outbox", lambda: manual_hub.move(session))
    manual_hub.say(session, "hello")
    manual_hub.work()
    assert manual_hub.sent_texts() == []
    assert [sent.json["number"] for sent in manual_hub.provider.to("/message/sendText")] == [PHONE]
    [sent] = manual_hub.messages(Direction.OUTBOUND)
    assert sent.instance_id == manual_hub.of(session).instance_id


def test_two_people_who_answer_at_once_are_both_heard_and_one_answer_is_counted(
    manual_hub: ManualHub, session: str
) -> None:
    manual_hub.overlaps.clock.advance(minutes=2)
    manual_hub.overlaps.store.before_commit("outbox", lambda: manual_hub.say(session, "first"))
    manual_hub.say(session, "second")
    manual_hub.work()
    assert manual_hub.sent_texts() == ["first", "second"]
    assert sum(each.get("replies", 0) for each in manual_hub.documents("stats")) == 1


def test_one_request_that_comes_twice_at_once_sends_once(manual_hub: ManualHub, session: str) -> None:
    first: list[Any] = []

    def send() -> Any:
        return manual_hub.say(session, "hello", key="order-17")

    manual_hub.overlaps.store.before_commit("outbox", lambda: first.append(send()))
    second = send()
    manual_hub.work()
    assert second["message"]["id"] == first[0]["message"]["id"]
    assert manual_hub.sent_texts() == ["hello"]


def test_a_request_that_is_repeated_is_tried_once(manual_hub: ManualHub, session: str) -> None:
    store = CountingStore(manual_hub.deps.store)
    counted = replace(manual_hub.deps, store=store)
    hub = replace(manual_hub, client=create_app(counted, blueprints(), documented=False).test_client())
    hub.say(session, "hello", key="order-17")
    before = store.spent
    hub.say(session, "hello", key="order-17")
    assert (store.spent - before).commits == 1


def test_a_request_that_is_repeated_wakes_the_sender_whom_the_first_one_could_not_wake(
    manual_hub: ManualHub, session: str
) -> None:
    def fail() -> None:
        raise StoreError("the bus did not answer")

    for _ in range(2):  # it tries again itself
        manual_hub.overlaps.bus.before_publish(Topic.OUTBOUND, fail)
    manual_hub.say(session, "hello", key="order-17", status=503)
    manual_hub.work()
    assert manual_hub.sent_texts() == []
    manual_hub.say(session, "hello", key="order-17")
    manual_hub.work()
    assert manual_hub.sent_texts() == ["hello"]


def test_of_two_requests_at_once_under_one_key_the_later_one_is_refused(manual_hub: ManualHub, session: str) -> None:
    manual_hub.overlaps.store.before_commit("outbox", lambda: manual_hub.say(session, "the first", key="order-17"))
    manual_hub.say(session, "another", status=409, key="order-17")
    manual_hub.work()
    assert manual_hub.sent_texts() == ["the first"]


def test_writing_to_somebody_who_writes_for_the_first_time_makes_one_conversation(
    manual_hub: ManualHub, bot: str
) -> None:
    manual_hub.overlaps.store.before_commit("identities", lambda: manual_hub.writes(bot, "I am new", chat=77))
    manual_hub.post("/api/messages/send", {"channelInstanceId": bot, "externalUserId": "77", "text": "welcome"}, 202)
    manual_hub.writes(bot, "thanks", chat=77)
    assert manual_hub.texts(manual_hub.conversation().id) == ["I am new", "welcome", "thanks"]
    assert len(manual_hub.documents("customers", tenant_id=manual_hub.tenant_id)) == 1


def test_two_who_write_to_a_new_address_at_once_write_into_one_conversation(manual_hub: ManualHub, bot: str) -> None:
    def send(text: str) -> None:
        manual_hub.post("/api/messages/send", {"channelInstanceId": bot, "externalUserId": "77", "text": text}, 202)

    manual_hub.overlaps.store.before_commit("identities", lambda: send("first"))
    send("second")
    assert manual_hub.texts(manual_hub.conversation().id) == ["first", "second"]


def test_an_address_whose_conversation_is_closed_meanwhile_gets_its_message_in_one_that_is_open(
    manual_hub: ManualHub, bot: str, session: str
) -> None:
    identity = Ref("identities", manual_hub.conversation().identity_id)
    manual_hub.overlaps.store.after_read(identity, lambda: manual_hub.set_status(session, "CLOSED"))
    manual_hub.post("/api/messages/send", {"channelInstanceId": bot, "externalUserId": "5", "text": "hello"}, 202)
    manual_hub.writes(bot, "thanks")
    open_ones = [each for each in manual_hub.conversations() if each.status == "open"]
    assert len(open_ones) == 1
    assert manual_hub.texts(open_ones[0].id)[-2:] == ["hello", "thanks"]


def _launch(hub: ManualHub, channel: str = "telegram_bot") -> None:
    """A campaign to every customer who is known now is about to be sent."""
    ids = [customer["id"] for customer in hub.documents("customers", tenant_id=hub.tenant_id)]
    body = {"name": "Sale", "channels": [channel], "message": "Sale!", "audience": {"customer_ids": ids}}
    campaign_id = hub.post("/campaigns", body, 201)["campaign_id"]
    hub.post(f"/campaigns/{campaign_id}/launch", {}, 202)


def test_who_writes_while_a_campaign_is_sent_waits_for_an_answer(manual_hub: ManualHub, bot: str, session: str) -> None:
    manual_hub.say(session, "answered")
    _launch(manual_hub)
    manual_hub.overlaps.store.before_commit("outbox", lambda: manual_hub.writes(bot, "two"))
    manual_hub.tick()
    assert manual_hub.sent_texts() == ["answered", "Sale!"]
    assert manual_hub.conversation().needs_reply_since == manual_hub.arrival("two")


def test_who_is_answered_while_a_campaign_is_sent_waits_no_more(manual_hub: ManualHub, bot: str, session: str) -> None:
    _launch(manual_hub)
    manual_hub.overlaps.store.before_commit("outbox", lambda: manual_hub.say(session, "answered"))
    manual_hub.tick()
    assert manual_hub.sent_texts() == ["answered", "Sale!"]
    assert manual_hub.conversation().needs_reply_since is None
    manual_hub.overlaps.clock.advance(minutes=2)
    manual_hub.writes(bot, "two")
    assert manual_hub.conversation().needs_reply_since == manual_hub.arrival("two")


@pytest.mark.parametrize("moment", ["identity is read", "message is accepted"])
def test_a_campaign_opens_no_conversation_that_is_closed_meanwhile_and_begins_another_one(
    manual_hub: ManualHub, bot: str, session: str, moment: str
) -> None:
    _launch(manual_hub)
    identity = Ref("identities", manual_hub.conversation().identity_id)
    store = manual_hub.overlaps.store
    if moment == "identity is read":
        store.after_read(identity, lambda: manual_hub.set_status(session, "CLOSED"))
    else:
        store.before_commit("outbox", lambda: manual_hub.set_status(session, "CLOSED"))
    manual_hub.tick()
    manual_hub.writes(bot, "how much?")
    assert (manual_hub.of(session).status, manual_hub.texts(session)) == ("closed", ["one"])
    [other] = manual_hub.others(session)
    assert (other.status, manual_hub.texts(other.id)) == ("open", ["Sale!", "how much?"])


@pytest.mark.parametrize("moment", ["identity is read", "message is accepted"])
def test_a_campaign_goes_to_the_address_it_was_meant_for_though_the_conversation_moves_meanwhile(
    manual_hub: ManualHub, session: str, moment: str
) -> None:
    _launch(manual_hub)
    identity = Ref("identities", manual_hub.conversation().identity_id)
    store = manual_hub.overlaps.store
    if moment == "identity is read":
        store.after_read(identity, lambda: manual_hub.move(session))
    else:
        store.before_commit("outbox", lambda: manual_hub.move(session))
    manual_hub.tick()
    assert [sent.json["chat_id"] for sent in manual_hub.provider.to("/sendMessage")] == ["5"]
    assert manual_hub.provider.to("/message/sendText") == []
    assert "Sale!" not in manual_hub.texts(session)


def test_a_campaign_reaches_nobody_at_an_address_that_turns_out_to_be_another_customers(
    manual_hub: ManualHub, whatsapp: str, session: str
) -> None:
    _launch(manual_hub, "whatsapp")
    manual_hub.overlaps.store.before_commit("identities", lambda: manual_hub.maria_writes(whatsapp, "I am new"))
    manual_hub.tick()
    assert manual_hub.provider.to("/message/sendText") == []
    assert [campaign["status"] for campaign in manual_hub.get("/campaigns")["campaigns"]] == ["finished"]


def test_a_campaign_does_not_wake_a_conversation_that_sleeps(manual_hub: ManualHub, session: str) -> None:
    manual_hub.snooze(session)
    asleep = manual_hub.conversation()
    _launch(manual_hub)
    manual_hub.tick()
    assert manual_hub.sent_texts() == ["Sale!"]
    after = manual_hub.conversation()
    assert (
        (after.status, after.snoozed_until) == (asleep.status, asleep.snoozed_until) == ("snoozed", after.snoozed_until)
    )


def test_the_first_message_after_a_campaign_is_a_response_though_it_comes_while_the_campaign_is_sent(
    manual_hub: ManualHub, bot: str, session: str
) -> None:
    _launch(manual_hub)
    manual_hub.overlaps.store.after_commit("outbox", lambda: manual_hub.writes(bot, "how much?"))
    manual_hub.tick()
    [campaign] = manual_hub.get("/campaigns")["campaigns"]
    metrics = manual_hub.get(f"/campaigns/{campaign['campaign_id']}/omnichannel")["metrics"]
    assert (metrics["total_sent"], metrics["responses"]) == (1, 1)
