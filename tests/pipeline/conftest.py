"""A customer who can be reached by two channels, in a hub that waits for the test's `work`."""

from __future__ import annotations

import pytest

from tests.evolution import evolution_rules
from tests.pipeline.manual_hub import PHONE, ManualHub

_NO_SURVEY = {"config": {"csat": False}}


@pytest.fixture
def bot(manual_hub: ManualHub) -> str:
    """The id of a Telegram bot that asks for no ratings."""
    channel_id = manual_hub.telegram()
    manual_hub.patch(f"/api/channels/{channel_id}", _NO_SURVEY)
    return channel_id


@pytest.fixture
def whatsapp(manual_hub: ManualHub) -> str:
    """The id of a WhatsApp channel that asks for no ratings."""
    evolution_rules(manual_hub.provider)
    channel_id = manual_hub.whatsapp()
    manual_hub.patch(f"/api/channels/{channel_id}", _NO_SURVEY)
    return channel_id


@pytest.fixture
def session(manual_hub: ManualHub, bot: str, whatsapp: str) -> str:
    """The id of a conversation by Telegram, whose customer has written "one" and can be reached by WhatsApp too."""
    manual_hub.writes(bot, "one")
    conversation = manual_hub.conversation()
    manual_hub.put(f"/customers/{conversation.customer_id}/profile", {"phone": PHONE})
    return conversation.id
