"""The sweep does all that it can, whatever it cannot do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.ids import new_id
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


def test_a_malformed_conversation_keeps_nothing_else_from_being_done(hub: ManualHub) -> None:
    _store_malformed(hub, "conversations", status="open", priority="high", **_times(hub))
    counts = sweep(hub.deps)
    assert counts["alerts"] == 2
    assert len(_alerts(hub)) == 1, "of the other conversation"
    assert (counts["campaign_messages"], counts["asked_after"]) == (1, 1)
    assert hub.documents("counters"), "the roll-up has begun"


def test_a_malformed_outbox_item_keeps_no_other_from_being_woken(hub: ManualHub) -> None:
    hub.say(hub.conversation().id, "hello")
    _store_malformed(hub, "outbox", open=True, due_at=hub.deps.now() - timedelta(minutes=1))
    hub.overlaps.clock.advance(minutes=2)
    published = len(hub.overlaps.bus.published)
    assert sweep(hub.deps)["overdue"] == 2
    assert len(hub.overlaps.bus.published) > published


def test_a_step_that_fails_keeps_no_later_step_from_being_taken(hub: ManualHub) -> None:
    counters = Ref("counters", "roll_up")
    hub.store.commit([Create(counters, {"hour": "never"})])
    counts = sweep(hub.deps)
    assert counts["rolled_up"] == 0
    assert (counts["campaign_messages"], counts["asked_after"]) == (1, 1)
