"""What the dashboard shows of what a customer sent."""

from __future__ import annotations

from typing import Any

from shared.domain.messages import Direction
from tests.eventually import eventually
from tests.pipeline.hub import Hub


def test_a_shared_contact_is_shown_with_its_number(hub: Hub) -> None:
    channel_id = hub.telegram()
    update: Any = hub.update(5, "")
    del update["message"]["text"]
    update["message"]["contact"] = {"phone_number": "+14155550123", "first_name": "Zoe"}
    hub.deliver_update(channel_id, update)
    [received] = eventually(lambda: hub.messages(Direction.INBOUND))
    [shown] = hub.get(f"/messages/{received.conversation_id}")["messages"]
    assert shown["attachments"] == [{"type": "contact", "name": "Zoe", "phones": ["+14155550123"]}]
