"""A message to a customer, without a channel, goes to the channel of their latest conversation."""

from __future__ import annotations

from typing import Any

from shared.domain.messages import Direction
from shared.ports.store import Merge
from shared.usecases.instances import instances
from tests import refs
from tests.eventually import eventually
from tests.functions.dashboard.people import address, customer
from tests.pipeline.hub import Hub


def _write_to(hub: Hub, customer_id: str, text: str, status: int = 202) -> Any:
    return hub.post("/api/messages/send", {"customerId": customer_id, "text": text}, status)


def _met(hub: Hub, channel_id: str, chat: int) -> str:
    """The id of a customer who has written from this chat."""
    hub.customer_writes(channel_id, f"hello from {chat}", chat)
    conversations = eventually(lambda: [each for each in hub.conversations() if each.external_user_id == str(chat)])
    return conversations[0].customer_id


def _one_person_on_two_channels(hub: Hub) -> tuple[str, str, str]:
    """The customer's id, the channel on which they are chat 5, and the later one on which they are chat 6."""
    first, second = hub.telegram("First"), hub.telegram("Second")
    person, other = _met(hub, first, 5), _met(hub, second, 6)
    hub.post(f"/customers/{person}/merge", {"source_id": other})
    return person, first, second


def test_a_customer_is_written_to_in_their_conversation(hub: Hub) -> None:
    person = _met(hub, hub.telegram(), 5)
    accepted = _write_to(hub, person, "how can I help?")
    assert accepted["message"]["conversationId"] == hub.conversation().id
    eventually(lambda: hub.sent_texts() == ["how can I help?"])


def test_a_customer_with_whom_none_is_open_gets_a_new_one(hub: Hub) -> None:
    person = _met(hub, hub.telegram(), 5)
    hub.patch(f"/api/conversations/{hub.conversation().id}", {"status": "CLOSED"})
    _write_to(hub, person, "one more thing")
    hub.provider.wait_for("/sendMessage")
    assert sorted(each.status.value for each in hub.conversations()) == ["closed", "open"]


def test_of_several_addresses_the_last_one_spoken_with_is_taken(hub: Hub) -> None:
    person, first, second = _one_person_on_two_channels(hub)
    assert _write_to(hub, person, "to the second")["message"]["channelInstanceId"] == second
    hub.customer_writes(first, "back here", 5)
    eventually(lambda: len(hub.messages(Direction.INBOUND)) == 3)
    assert _write_to(hub, person, "to the first")["message"]["channelInstanceId"] == first


def test_a_channel_that_is_gone_is_passed_over(hub: Hub) -> None:
    person, first, second = _one_person_on_two_channels(hub)
    hub.client.delete(f"/api/channels/{second}", headers=hub.headers)
    assert _write_to(hub, person, "still here?")["message"]["channelInstanceId"] == first
    hub.client.delete(f"/api/channels/{first}", headers=hub.headers)
    assert "no address" in _write_to(hub, person, "and now?", 404)["detail"]


def test_chats_beside_the_person_are_not_their_addresses(hub: Hub) -> None:
    person = _met(hub, hub.telegram(), 5)
    hub.deps.store.commit([Merge(refs.identity(hub.conversation().instance_id, "5"), {"is_thread": True})])
    _write_to(hub, person, "where?", 404)
    there = {"channelInstanceId": hub.conversation().instance_id, "customerId": person, "text": "here?"}
    hub.post("/api/messages/send", there, 404)


def test_an_unknown_customer_is_not_found(hub: Hub) -> None:
    _write_to(hub, "nobody", "hello?", 404)


def test_a_customer_with_whom_nobody_has_spoken_yet_is_written_to_at_one_of_their_addresses(hub: Hub) -> None:
    person = customer(hub.deps, tenant_id=hub.tenant_id)
    for label in ("First", "Second"):
        channel = instances.by_id(hub.deps, hub.tenant_id, hub.telegram(label))
        address(hub.deps, person, channel, f"chat of {label}")
    accepted = _write_to(hub, person.id, "welcome")
    conversation = hub.conversation()
    assert (conversation.id, conversation.customer_id) == (accepted["message"]["conversationId"], person.id)
