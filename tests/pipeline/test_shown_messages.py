"""What the dashboard shows of what a customer sent."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.messages import Direction
from tests.eventually import eventually
from tests.pipeline.hub import Hub
from tests.pipeline.manual_hub import ManualHub


def test_a_shared_contact_is_shown_with_its_number(hub: Hub) -> None:
    channel_id = hub.telegram()
    update: Any = hub.update(5, "")
    del update["message"]["text"]
    update["message"]["contact"] = {"phone_number": "+14155550123", "first_name": "Zoe"}
    hub.deliver_update(channel_id, update)
    [received] = eventually(lambda: hub.messages(Direction.INBOUND))
    [message] = hub.get(f"/messages/{received.conversation_id}")["messages"]
    assert message["attachments"] == [{"type": "contact", "name": "Zoe", "phones": ["+14155550123"]}]


PLACE = {"type": "location", "latitude": 48.1, "longitude": 11.6}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"text": "good day"}, "text"),
        ({"reaction": {"messageId": "1", "emoji": "👍"}}, "reaction"),
        ({"attachments": [PLACE]}, "location"),
        ({"attachments": [{"type": "sticker", "url": "https://8.8.8.8/wave.webp"}], "text": "hi"}, "sticker"),
        ({"attachments": [{"type": "file", "url": "https://8.8.8.8/terms.pdf"}, PLACE]}, "document"),
    ],
    ids=["text", "reaction", "place", "file with a text", "several"],
)
def test_what_was_sent_is_shown_as_what_it_is(
    manual_hub: ManualHub, session: str, content: dict[str, Any], kind: str
) -> None:
    accepted = manual_hub.post("/api/messages/send", {"conversationId": session} | content, 202)["message"]
    assert accepted["type"] == kind
    newest = manual_hub.get(f"/messages/{session}")["messages"][-1]
    assert (newest["message_id"], newest["type"]) == (accepted["id"], kind)
