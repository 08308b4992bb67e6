"""What happens to a conversation: all that each step stores, and each event on the bus."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.deps import Deps
from shared.domain.events import Topic
from tests.evolution import MARIA, written
from tests.pipeline.manual_hub import PHONE, ManualHub
from tests.pipeline.stories import StoppedClock, Story
from tests.stubs import Reply

GROUP = "120363025246125486@g.us"


@pytest.fixture
def deps(deps: Deps) -> Deps:
    return replace(deps, now=StoppedClock())


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


@pytest.fixture
def story(hub: ManualHub, bot: str, whatsapp: str) -> Story:
    story = Story(hub)
    story.begins(tenant=hub.tenant_id, worker=hub.deps.owner, bot=bot, shop=whatsapp, group=GROUP.partition("@")[0])
    return story


def _writes(hub: ManualHub, bot: str, text: str) -> None:
    """A customer does, by Telegram."""
    update = hub.update(5, text)
    update["message"]["date"] = int(hub.deps.now().timestamp())
    hub.deliver_update(bot, update)
    hub.work(Topic.INBOUND)


def _brings(hub: ManualHub, whatsapp: str, event: str, data: Any) -> None:
    body = {"event": event, "instance": "shop", "sender": "5511900000000@s.whatsapp.net", "data": data}
    assert hub.client.post(f"/webhook/whatsapp/{whatsapp}", json=body).status_code == 200
    hub.work(Topic.INBOUND)


def _written(hub: ManualHub, text: str, **key: Any) -> dict[str, Any]:
    return written(text, **key) | {"messageTimestamp": int(hub.deps.now().timestamp())}


def test_a_conversation_is_answered_closed_rated_and_opened_again(hub: ManualHub, bot: str, story: Story) -> None:
    hub.patch(f"/api/channels/{bot}", {"config": {"csat": True}})
    story.begins()
    _writes(hub, bot, "hello")
    story.step("the customer writes")
    _writes(hub, bot, "anybody there?")
    story.step("the customer writes again")
    session = hub.conversation().id
    hub.say(session, "I am", key="a-key-of-the-client")
    story.step("a person answers")
    hub.work()
    story.step("the answer is delivered")
    hub.set_status(session, "CLOSED")
    story.step("the conversation is closed")
    hub.work()
    story.step("the survey is delivered")
    _writes(hub, bot, "4")
    story.step("the customer rates it")
    hub.post(f"/sessions/{session}/rating", {"score": 2, "comment": "on second thoughts"})
    story.step("the rating is changed")
    hub.snooze(session)
    story.step("it is opened again, to sleep")
    hub.say(session, "one thing more")
    hub.work()
    story.step("an answer wakes it")
    story.is_as_recorded("conversation")


def test_a_message_is_tried_again_and_dies(hub: ManualHub, bot: str, story: Story) -> None:
    _writes(hub, bot, "hello")
    session = hub.conversation().id
    story.begins()
    hub.provider.on("POST", "/sendMessage", Reply(403, {"ok": False, "description": "Forbidden: blocked"}), times=1)
    hub.provider.on("POST", "/sendMessage", Reply(503, {"ok": False, "description": "Unavailable"}), times=1)
    hub.say(session, "first")
    hub.work()
    story.step("the provider is not available")
    hub.work()
    story.step("the provider refuses")
    hub.provider.on("POST", "/sendMessage", Reply(drop=True), times=1)
    hub.say(session, "second")
    hub.work()
    story.step("the connection breaks")
    [item] = [each["id"] for each in hub.documents("outbox", reason="outcome_unknown")]
    hub.post(f"/api/outbox/{item}/redrive", {}, 202)
    story.step("it is sent again by hand")
    hub.work()
    story.step("and delivered")
    story.is_as_recorded("failures")


def test_a_session_is_begun_and_moves(hub: ManualHub, bot: str, whatsapp: str, story: Story) -> None:
    _writes(hub, bot, "hello")
    conversation = hub.conversation()
    customer = conversation.customer_id
    hub.put(f"/customers/{customer}/profile", {"phone": PHONE, "name": "Ann"})
    story.begins()
    body = {"customer_id": customer, "channel_type": "whatsapp", "priority": "high", "initial_message": "my order?"}
    new_session = hub.post("/sessions/create", body)["session_id"]
    story.step("somebody begins a session for the customer")
    hub.snooze(new_session)
    hub.post("/sessions/create", body | {"priority": "urgent", "initial_message": "my order!"})
    story.step("and once more while it sleeps")
    hub.set_status(new_session, "CLOSED")
    story.step("it is closed")
    hub.snooze(conversation.id)
    hub.move(conversation.id, reason="on the road", agent_id="agent-7")
    story.step("the other one moves to WhatsApp")
    hub.say(conversation.id, "hello over there")
    hub.work()
    story.step("and is answered there")
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "hello too"))
    story.step("the customer writes there")
    hub.move(conversation.id, from_channel="whatsapp", to_channel="telegram_bot")
    story.step("it moves back")
    story.is_as_recorded("sessions")


def test_an_account_of_whatsapp_tells_all_that_it_can(hub: ManualHub, whatsapp: str, story: Story) -> None:
    _brings(hub, whatsapp, "messages.set", [written("long ago") | {"messageTimestamp": 1_790_000_000}])
    story.step("history")
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "hello"))
    story.step("the customer writes")
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "from our telephone", fromMe=True))
    story.step("the business answers by telephone")
    hub.say(hub.conversation().id, "and by the hub")
    hub.work()
    story.step("and by the hub")
    for status in ("DELIVERY_ACK", "READ"):
        receipt = {"keyId": "OUT1", "remoteJid": MARIA, "fromMe": True, "status": status}
        _brings(hub, whatsapp, "messages.update", receipt)
    story.step("the answer is read")
    key = {"remoteJid": MARIA, "fromMe": False, "id": "IN-hello"}
    edit = {"type": "MESSAGE_EDIT", "editedMessage": {"conversation": "hello!"}, "timestampMs": "1795255400000"}
    _brings(hub, whatsapp, "messages.edited", edit | {"key": key})
    story.step("the customer's message is edited")
    content = {"messageType": "reactionMessage", "message": {"reactionMessage": {"key": key, "text": "👍"}}}
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "", id="R1", fromMe=True) | content)
    story.step("reacted to")
    _brings(hub, whatsapp, "messages.delete", key)
    story.step("and deleted")
    early = {"keyId": "EARLY", "remoteJid": MARIA, "fromMe": True, "status": "READ"}
    _brings(hub, whatsapp, "messages.update", early)
    story.step("a receipt comes early")
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "late", id="EARLY", fromMe=True))
    story.step("and its message late")
    key = {"remoteJid": GROUP, "participant": "5511922222222@s.whatsapp.net"}
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "hello all", **key) | {"pushName": "Bob"})
    story.step("somebody writes in a group")
    hidden = {"remoteJid": "77@lid", "id": "H1"}
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "by a hidden address", **hidden))
    story.step("somebody writes by a hidden address")
    hidden |= {"remoteJidAlt": MARIA, "id": "H2"}
    _brings(hub, whatsapp, "messages.upsert", _written(hub, "it is me", **hidden))
    story.step("who turns out to be the customer")
    story.is_as_recorded("whatsapp")


def test_a_machine_answers_and_a_campaign_comes(hub: ManualHub, bot: str, story: Story) -> None:
    agent = hub.echo_agent()
    hub.post("/routing/rules", {"condition": "text contains order", "action": "set_priority:high"}, 201)
    story.begins(agent=agent)
    _writes(hub, bot, "my order?")
    story.step("the customer writes")
    hub.work()
    story.step("the machine answers")
    audience = {"customer_ids": [hub.conversation().customer_id]}
    sale = {"name": "Sale", "channels": ["telegram_bot"], "message": "Sale!", "audience": audience}
    campaign = str(hub.post("/campaigns", sale, 201)["campaign_id"])
    hub.post(f"/campaigns/{campaign}/launch", {}, 202)
    hub.tick()
    story.step("a campaign comes")
    _writes(hub, bot, "how much?")
    story.step("the customer responds")
    story.is_as_recorded("machine")
