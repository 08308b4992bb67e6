"""What a message ends for the next one (a survey, a campaign, a window), and what it leaves as it was."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.conversations import Conversation
from shared.usecases.sweep import sweep
from tests.evolution import written
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import Cloud, WhatsApp

PERSON = "16505551234"
GROUP = "120363025246125486@g.us"


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


@pytest.fixture
def shop(hub: ManualHub) -> WhatsApp:
    return WhatsApp.of(hub)


def _surveys(hub: ManualHub, shop: WhatsApp, *, enabled: bool) -> None:
    hub.patch(f"/api/channels/{shop.id}", {"config": {"csat": enabled}})


def _close(hub: ManualHub, conversation: Conversation) -> None:
    hub.patch(f"/api/conversations/{conversation.id}", {"status": "CLOSED"})


def _newest(hub: ManualHub) -> Conversation:
    return max(hub.conversations(), key=lambda each: each.created_at)


def _brings_history(shop: WhatsApp, text: str, **key: Any) -> None:
    """What was written before the account was connected."""
    shop.brings("messages.set", [written(text, **key) | {"messageTimestamp": 1_790_000_000}])


def test_a_message_that_is_no_answer_ends_a_survey_for_good(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("hello")
    _close(hub, hub.conversation())
    shop.writes("thanks")
    _surveys(hub, shop, enabled=False)
    _close(hub, _newest(hub))
    shop.writes("5")
    assert hub.documents("ratings") == []
    assert len(hub.conversations()) == 3


def _sale(hub: ManualHub) -> str:
    """A campaign that was just sent to the only customer; returns its id."""
    audience = {"customer_ids": [hub.conversation().customer_id]}
    sale = {"name": "Sale", "channels": ["whatsapp"], "message": "Sale!", "audience": audience}
    campaign_id = str(hub.post("/campaigns", sale, 201)["campaign_id"])
    hub.post(f"/campaigns/{campaign_id}/launch", {}, 202)
    sweep(hub.deps)
    return campaign_id


def _responses(hub: ManualHub, campaign_id: str) -> int:
    return int(hub.get(f"/campaigns/{campaign_id}/omnichannel")["metrics"]["responses"])


def test_only_the_customers_next_message_is_a_response_to_a_campaign(hub: ManualHub, shop: WhatsApp) -> None:
    shop.writes("hello")
    campaign_id = _sale(hub)
    shop.writes("from our telephone", fromMe=True)
    _brings_history(shop, "long ago")
    assert _responses(hub, campaign_id) == 0
    shop.writes("how much?")
    shop.writes("anybody there?")
    assert _responses(hub, campaign_id) == 1


def test_only_the_customers_own_message_opens_the_window(hub: ManualHub) -> None:
    cloud = Cloud.of(hub)
    cloud.writes("hello", PERSON)
    hub.wait(days=4)
    now = str(int(hub.deps.now().timestamp()))
    echo = {"from": "15550783881", "to": PERSON, "id": "wamid.ECHO", "timestamp": now, "type": "text"}
    cloud.brings("smb_message_echoes", message_echoes=[echo | {"text": {"body": "from our telephone"}}])
    assert hub.all_texts() == ["hello", "from our telephone"]
    answer = {"session_id": hub.conversation().id, "content": "answer"}
    hub.post("/messages/send", answer, 422)
    cloud.writes("are you there?", PERSON)
    hub.post("/messages/send", answer, 202)


def test_what_was_written_before_leaves_the_order_of_what_is_written_now(hub: ManualHub, shop: WhatsApp) -> None:
    """Providers send whole seconds: of two messages of one second the second one may come late."""
    shop.writes("hello")
    hub.overlaps.clock.advance(seconds=5)
    second = int(hub.deps.now().timestamp())
    shop.brings("messages.upsert", written("first") | {"messageTimestamp": second})
    _brings_history(shop, "long ago")
    hub.overlaps.clock.advance(seconds=5)
    shop.brings("messages.upsert", written("second, late") | {"messageTimestamp": second})
    assert hub.all_texts() == ["long ago", "hello", "first", "second, late"]


def test_a_message_without_a_name_leaves_the_customers_latest(hub: ManualHub, shop: WhatsApp) -> None:
    _surveys(hub, shop, enabled=False)
    shop.writes("hello")
    shop.brings("messages.upsert", written("married") | {"pushName": "Maria Souza"})
    for number in range(2):
        _close(hub, _newest(hub))
        shop.brings("messages.upsert", written(f"nameless {number}") | {"pushName": None})
        assert _newest(hub).customer_name == "Maria Souza"


def test_what_members_of_a_group_write_leaves_the_groups_name(hub: ManualHub, shop: WhatsApp) -> None:
    _surveys(hub, shop, enabled=False)
    for number, person in enumerate(("5511911111111", "5511922222222", "5511911111111")):
        key = {"remoteJid": GROUP, "participant": f"{person}@s.whatsapp.net"}
        shop.brings("messages.upsert", written(f"hello {number}", **key) | {"pushName": f"Member {person}"})
        assert _newest(hub).customer_name == "Group"
        message = hub.message(f"hello {number}")
        assert (message.author_name, message.author_phone) == (f"Member {person}", f"+{person}")
    assert hub.message("hello 0").customer_id == hub.message("hello 2").customer_id
    assert len(hub.conversations()) == 1
    _close(hub, hub.conversation())
    shop.writes("from our telephone", remoteJid=GROUP, fromMe=True)
    assert _newest(hub).customer_name == "Group"
    own_message = hub.message("from our telephone")
    assert (own_message.author_id, own_message.author_name, own_message.author_phone) == (None, None, None)
    assert len(hub.documents("customers", tenant_id=hub.tenant_id)) == 3


def test_an_answer_is_given_to_the_latest_message(hub: ManualHub) -> None:
    """What the provider needs for it, here which message to mark as read, comes with each message."""
    cloud = Cloud.of(hub)
    for text in ("first", "second"):
        cloud.writes(text, PERSON)
    hub.post("/messages/send", {"session_id": hub.conversation().id, "content": "answer"}, 202)
    hub.deliver()
    [marked] = [each.json for each in hub.provider.to("/messages") if each.json.get("status") == "read"]
    assert marked["message_id"] == f"wamid.second-{PERSON}"


def test_only_a_customers_first_words_are_routed(hub: ManualHub, shop: WhatsApp) -> None:
    hub.post("/routing/rules", {"condition": "text contains refund", "action": "set_priority:high"}, 201)
    shop.writes("a refund please", fromMe=True)
    assert hub.conversation().priority == "normal"
    shop.writes("a refund please, she says")
    assert (hub.conversation().priority, hub.conversation().routed_at) == ("normal", None)
    _close(hub, hub.conversation())
    shop.writes("my refund?")
    assert _newest(hub).priority == "high"
