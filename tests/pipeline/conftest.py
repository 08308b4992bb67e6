"""Hubs that wait for the test's `work`: with a customer whom two channels reach, and with a language model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from shared.config import Settings
from tests.evolution import evolution_rules
from tests.index_check import recorded
from tests.pipeline.manual_hub import PHONE, ManualHub, manual_hub_of
from tests.pipeline.models import CHAT, OpenHub, says
from tests.stubs import Stub

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


@pytest.fixture
def open_hub(settings: Settings, provider: Stub) -> OpenHub:
    """Opens a hub with a language model and these settings, and an agent that uses it."""

    @contextmanager
    def hub(**changes: Any) -> Iterator[ManualHub]:
        keyed = settings.model_copy(update={"openai_api_key": SecretStr("sk-test")} | changes)
        with recorded(keyed) as deps:
            manual = manual_hub_of(deps, provider)
            manual.echo_agent()
            provider.on("POST", CHAT, says("A cat."))
            yield manual

    return hub
