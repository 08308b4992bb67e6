"""Where a message goes when its target is given redundantly or inconsistently."""

from __future__ import annotations

from typing import Any

import pytest

from shared.ports.store import Merge
from shared.usecases.instances import instance_lookup
from tests import refs
from tests.eventually import eventually
from tests.pipeline.hub import Hub

SEND = "/api/messages/send"


@pytest.fixture
def talk(hub: Hub) -> dict[str, str]:
    """The fields by which a request may name a conversation on a Telegram bot."""
    channel = hub.telegram()
    hub.customer_writes(channel, "hello")
    conversation = hub.conversation()
    return {
        "conversationId": conversation.id,
        "channelInstanceId": channel,
        "customerId": conversation.customer_id,
        "externalUserId": "5",
    }


def _met(hub: Hub, channel: str, chat: int) -> str:
    """The id of a customer who has written from this chat."""
    hub.customer_writes(channel, "hello", chat)
    conversations = eventually(lambda: [each for each in hub.conversations() if each.external_user_id == str(chat)])
    return conversations[0].customer_id


def test_a_conversation_may_be_named_with_all_that_belongs_to_it(hub: Hub, talk: dict[str, str]) -> None:
    accepted = hub.post(SEND, talk | {"text": "good day"}, 202)
    assert accepted["message"]["conversationId"] == talk["conversationId"]
    slug = {"channelInstanceId": "telegram_bot-1"}
    assert hub.post(SEND, talk | slug | {"text": "again"}, 202)["message"]["channelInstanceId"]
    eventually(lambda: hub.sent_texts() == ["good day", "again"])


def test_a_message_does_not_go_elsewhere_than_it_was_said(hub: Hub, talk: dict[str, str]) -> None:
    stranger = _met(hub, talk["channelInstanceId"], 6)
    other: Any = hub.post("/api/channels", {"name": "Web", "type": "WIDGET"}, 201)
    conversation = {"conversationId": talk["conversationId"], "text": "good day"}
    for name, wrong in (("channelInstanceId", other["id"]), ("customerId", stranger)):
        refused = hub.post(SEND, conversation | {name: wrong}, 409)
        assert name in refused["detail"]
    for name in ("channelInstanceId", "customerId"):
        hub.post(SEND, conversation | {name: "nowhere"}, 404)
    assert hub.sent_texts() == []


def test_an_address_is_not_written_to_as_another_customers(hub: Hub, talk: dict[str, str]) -> None:
    stranger = _met(hub, talk["channelInstanceId"], 6)
    body = {"channelInstanceId": talk["channelInstanceId"], "customerId": talk["customerId"], "text": "good day"}
    hub.post(SEND, body | {"externalUserId": "5"}, 202)
    for address, customer in (("6", talk["customerId"]), ("7", talk["customerId"]), ("5", stranger)):
        refused = hub.post(SEND, body | {"externalUserId": address, "customerId": customer}, 409)
        assert "customerId" in refused["detail"]
    assert len(hub.conversations()) == 2


def test_who_was_merged_into_another_is_still_written_to(hub: Hub, talk: dict[str, str]) -> None:
    former = _met(hub, talk["channelInstanceId"], 6)
    conversation = next(each.id for each in hub.conversations() if each.customer_id == former)
    hub.post(f"/customers/{talk['customerId']}/merge", {"source_id": former})
    body = {"customerId": former, "text": "good day"}
    hub.post(SEND, body | {"conversationId": conversation}, 202)
    hub.post(SEND, body | {"channelInstanceId": talk["channelInstanceId"]}, 202)


@pytest.mark.parametrize("address", ["", "   ", "\n"])
def test_an_address_of_blanks_is_none(hub: Hub, address: str) -> None:
    body = {"channelInstanceId": hub.telegram(), "externalUserId": address, "text": "hello"}
    assert list(hub.post(SEND, body, 400)["fields"]) == ["externalUserId"]
    assert hub.conversations() == []


def test_blanks_around_an_address_make_no_second_customer(hub: Hub, talk: dict[str, str]) -> None:
    body = {"channelInstanceId": talk["channelInstanceId"], "externalUserId": " 5\n", "text": "hello again"}
    assert hub.post(SEND, body, 202)["message"]["conversationId"] == talk["conversationId"]


@pytest.mark.parametrize(
    "attachment",
    [{"type": "image"}, {"type": "hologram", "url": "https://files.example/x"}, {"type": "location", "latitude": 1}],
    ids=str,
)
def test_an_attachment_that_cannot_be_sent_is_named(hub: Hub, talk: dict[str, str], attachment: dict[str, Any]) -> None:
    refused = hub.post(SEND, talk | {"attachments": [attachment]}, 400)
    assert list(refused["fields"]) == ["attachments"]


@pytest.mark.parametrize("word", ["SENT", "sent"])
def test_the_outbox_is_asked_for_in_either_case(hub: Hub, talk: dict[str, str], word: str) -> None:
    accepted = hub.post(SEND, talk | {"text": "good day"}, 202)
    items = eventually(lambda: hub.get(f"/api/outbox?status={word}")["items"])
    assert [item["id"] for item in items] == [accepted["queue"]["id"]]


def test_a_customer_and_an_address_do_not_say_on_which_channel(hub: Hub, talk: dict[str, str]) -> None:
    body = {"customerId": talk["customerId"], "externalUserId": "5", "text": "good day"}
    assert "channelInstanceId" in hub.post(SEND, body, 400)["detail"]
    assert "channelInstanceId" in hub.post(SEND, {"externalUserId": "5", "text": "good day"}, 400)["detail"]
    accepted = hub.post(SEND, {"customerId": talk["customerId"], "text": "good day"}, 202)
    assert accepted["message"]["conversationId"] == talk["conversationId"]


def test_nothing_is_accepted_for_a_channel_that_nothing_serves(hub: Hub, talk: dict[str, str]) -> None:
    channel = instance_lookup.by_id(hub.deps, hub.tenant_id, talk["channelInstanceId"])
    hub.store.commit([Merge(refs.instance(channel.id), {"adapter": "imagined"})])
    instance_lookup.forget(hub.deps, channel)
    refused = hub.post(SEND, {"conversationId": talk["conversationId"], "text": "good day"}, 422)
    assert "cannot send" in refused["detail"]
    assert hub.documents("outbox") == []
