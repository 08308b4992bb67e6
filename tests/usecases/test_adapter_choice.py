"""Which adapter a new channel gets: what is named counts, then what the deployment has, then what needs nothing."""

from __future__ import annotations

from typing import Any

import pytest

from shared.config import Settings
from shared.domain.instances import ChannelType
from shared.usecases.instances import adapter_choice

BARE = Settings()
WITH_SERVER = Settings(evolution_url="https://evolution.example")
WITHOUT_A_PLACE = Settings(backend="google", google_cloud_project="acme")
WITH_A_PLACE = Settings(backend="google", google_cloud_project="acme", sessions_bucket="sessions-1")


@pytest.mark.parametrize(
    ("settings", "config", "adapter"),
    [
        (BARE, {}, "whatsapp_web"),
        (BARE, {"evolution_url": "https://evolution.example"}, "whatsapp_evolution"),
        (BARE, {"evolution_url": None, "evolution_key": ""}, "whatsapp_web"),
        (BARE, {"phone_number_id": "123"}, "whatsapp_cloud"),
        (BARE, {"phoneNumberId": "123"}, "whatsapp_cloud"),
        (BARE, {"phone_number_id": "123", "provider": "evolution"}, "whatsapp_evolution"),
        (BARE, {"api_key": "somebody's"}, "whatsapp_evolution"),
        (WITH_SERVER, {}, "whatsapp_evolution"),
        (WITH_SERVER, {"phone_number_id": "123"}, "whatsapp_cloud"),
        (WITH_SERVER, {"provider": "web"}, "whatsapp_web"),
        (WITH_A_PLACE, {}, "whatsapp_web"),
        (WITHOUT_A_PLACE, {}, "whatsapp_evolution"),
    ],
)
def test_whatsapp_is_a_socket_of_our_own_unless_something_speaks_for_another(
    settings: Settings, config: dict[str, Any], adapter: str
) -> None:
    assert adapter_choice.chosen(settings, ChannelType.WHATSAPP, config) == adapter


@pytest.mark.parametrize(
    ("channel_type", "adapter"), [(ChannelType.SMS, "sms_twilio"), (ChannelType.TELEGRAM_USER, "telegram_user")]
)
def test_other_types_have_one_default(channel_type: ChannelType, adapter: str) -> None:
    assert adapter_choice.chosen(BARE, channel_type, {}) == adapter
