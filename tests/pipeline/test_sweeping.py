"""The sweep does all that it can, whatever it cannot do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.events import Topic
from shared.domain.ids import new_id
from shared.errors import StoreError
from shared.ports.store import Create, Merge, Ref
from shared.usecases.sweep import sweep
from tests.pipeline.manual_hub import ManualHub


@pytest.fixture
def hub(manual_hub: ManualHub, bot: str, whatsapp: str) -> ManualHub:
    """A hub in which each step of the sweep has something to do after eleven minutes."""
    manual_hub.writes(bot, "hello")
    conversation = manual_hub.conversation()
    manual_hub.patch(f"/api/conversations/{conversation.id}", {"priority": "HIGH"})
    sale = {"name": "Sale", "channels": ["telegram_bot"], "message": "Sale!"}
    audience = {"customer_ids": [conversation.customer_id]}
    campaign_id = manual_hub.post("/campaigns", sale | {"audience": audience}, 201)["campaign_id"]
    manual_hub.post(f"/campaigns/{campaign_id}/launch", {}, 202)
    connected = {"status": "connected", "checked_at": manual_hub.deps.now()}
    manual_hub.store.commit([Merge(Ref("instances", whatsapp), connected)])
    manual_hub.overlaps.clock.advance(minutes=11)
    return manual_hub


def _store_malformed(hub: ManualHub, collection: str, **fields: Any) -> None:
    """A document that lacks most of what its model demands."""
    hub.store.commit([Create(Ref(collection, new_id()), {"tenant_id": hub.tenant_id, **fields})])


def _alerts(hub: ManualHub) -> list[dict[str, Any]]:
    return hub.documents("notifications", type="session_alert")


def _times(hub: ManualHub) -> dict[str, Any]:
    since = hub.deps.now() - timedelta(minutes=8)
    return {"last_message_at": since, "needs_reply_since": since, "created_at": since, "updated_at": since}


def test_a_malformed_conversation_keeps_nothing_else_from_being_done(
    hub: ManualHub, caplog: pytest.LogCaptureFixture
) -> None:
    _store_malformed(hub, "conversations", status="open", priority="high", customer_phone=5551234, **_times(hub))
    counts = sweep(hub.deps)
    assert counts["alerts"] == 2
    assert len(_alerts(hub)) == 1, "of the other conversation"
    assert (counts["campaign_messages"], counts["asked_after"]) == (1, 1)
    assert hub.documents("counters"), "the roll-up has begun"
    assert "a document is malformed" in caplog.text
    assert "5551234" not in caplog.text, "what it holds is nobody's business"


def test_a_malformed_outbox_item_keeps_no_other_from_being_woken(hub: ManualHub) -> None:
    hub.say(hub.conversation().id, "hello")
    _store_malformed(hub, "outbox", open=True, due_at=hub.deps.now() - timedelta(minutes=1))
    hub.overlaps.clock.advance(minutes=2)
    published = len(hub.overlaps.bus.published)
    assert sweep(hub.deps)["overdue"] == 2
    assert len(hub.overlaps.bus.published) > published


def test_a_document_with_which_something_fails_keeps_no_other_from_being_dealt_with(hub: ManualHub, bot: str) -> None:
    hub.writes(bot, "hello", chat=6)
    for conversation in hub.conversations():
        hub.say(conversation.id, "hello")
    hub.overlaps.clock.advance(minutes=2)

    def fail() -> None:
        raise RuntimeError("an error of the hub's own")

    published = len(hub.overlaps.bus.published)
    hub.overlaps.bus.before_publish(Topic.OUTBOUND, fail)
    counts = sweep(hub.deps)
    assert hub.overlaps.all_happened
    assert (counts["overdue"], counts["campaign_messages"]) == (2, 1)
    woken = [event for event in list(hub.overlaps.bus.published)[published:] if event.topic is Topic.OUTBOUND]
    assert len(woken) == 2, "of the other conversation, and of the campaign's message"


def test_a_step_that_fails_keeps_no_later_step_from_being_taken(hub: ManualHub) -> None:
    counters = Ref("counters", "roll_up")
    hub.store.commit([Create(counters, {"hour": "never"})])
    counts = sweep(hub.deps)
    assert counts["rolled_up"] == 0
    assert (counts["campaign_messages"], counts["asked_after"]) == (1, 1)


def test_a_store_that_fails_in_between_fails_the_sweep_which_comes_again(hub: ManualHub) -> None:
    def fail() -> None:
        raise StoreError("it is down")

    hub.overlaps.store.before_commit("notifications", fail)
    with pytest.raises(StoreError, match="it is down"):
        hub.tick()
    assert _alerts(hub) == []
    hub.tick()
    assert len(_alerts(hub)) == 1
