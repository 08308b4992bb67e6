"""A provider's call reaches an instance only at an address of the instance's own channel."""

from __future__ import annotations

from typing import Any

import pytest

from shared.channel.webhook import SupportsChallenge
from shared.channels import ability, default_adapter
from shared.domain.events import Topic
from shared.domain.instances import ChannelType
from tests.evolution import upsert, written
from tests.functions.dashboard import people
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import Cloud, Facebook, Telegram, WhatsApp

BODIES: dict[str, Any] = {
    "telegram_bot": {"update_id": 1, "message": {"message_id": 1, "date": 1_795_000_000, "chat": {"id": 5}}},
    "whatsapp_evolution": upsert(written("hello")),
}
"""What each instance takes without any proof."""


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


@pytest.fixture
def keys(hub: ManualHub) -> dict[str, dict[str, str]]:
    """Two instances by adapter, each with its id and its name."""
    ids = {"telegram_bot": Telegram.of(hub).id, "whatsapp_evolution": WhatsApp.of(hub).id}
    return {
        adapter: {"id": id_, "name": str(hub.documents("instances", id=id_)[0]["name"])} for adapter, id_ in ids.items()
    }


def test_an_instance_takes_no_call_at_another_channels_address(hub: ManualHub, keys: dict[str, dict[str, str]]) -> None:
    paths = {
        "telegram_bot": (
            "/webhook/whatsapp/{id}",
            "/webhook/whatsapp_evolution/{name}",
            "/webhook/telegram/{id}",
            "/webhook/evolution/{name}",
            "/webhook/evolution/{name}/messages-upsert",
        ),
        "whatsapp_evolution": (
            "/webhook/telegram_bot/{id}",
            "/webhook/telegram_bot/{name}/messages-upsert",
            "/webhook/whatsapp_cloud/{id}",
            "/webhook/what/{id}",
            "/api/telegram/bot/webhook/{id}",
        ),
    }
    for adapter, wrong in paths.items():
        for path in wrong:
            answer = hub.client.post(path.format(**keys[adapter]), json=BODIES[adapter])
            assert answer.status_code == 404, f"{path}: {answer.text}"
    assert hub.new_events(Topic.INBOUND) == []


def test_an_instance_takes_a_call_at_the_address_of_its_channel_or_type(
    hub: ManualHub, keys: dict[str, dict[str, str]]
) -> None:
    paths = {
        "telegram_bot": (
            "/webhook/telegram_bot/{id}",
            "/webhook/Telegram-Bot/{name}",
            "/api/telegram/bot/webhook/{id}",
        ),
        "whatsapp_evolution": (
            "/webhook/whatsapp/{id}",
            "/webhook/whatsapp/{name}/messages-upsert",
            "/webhook/whatsapp_evolution/{id}",
            "/webhook/evolution/{name}",
            "/webhook/evolution/{name}/messages-upsert",
        ),
    }
    for adapter, right in paths.items():
        for path in right:
            [event] = hub.post_webhook(path.format(**keys[adapter]), BODIES[adapter])
            assert (event.instance_id, event.channel) == (keys[adapter]["id"], adapter), path


def test_an_instance_answers_a_challenge_only_at_the_address_of_its_channel(hub: ManualHub) -> None:
    tokens = {"facebookVerifyToken": "one word", "verifyToken": "one word"}
    ids = {"facebook": Facebook.of(hub).id, "whatsapp_cloud": Cloud.of(hub).id}
    for id_ in ids.values():
        hub.patch(f"/api/channels/{id_}", {"config": tokens})
    query = "hub.mode=subscribe&hub.verify_token=one+word&hub.challenge=1158201444"
    for channel in ids:
        for adapter, id_ in ids.items():
            answer = hub.client.get(f"/webhook/{channel}/{id_}?{query}")
            assert answer.status_code == (200 if channel == adapter else 404), answer.text
    assert hub.client.get(f"/webhook/whatsapp/{ids['whatsapp_cloud']}?{query}").text == "1158201444"


def _asks(channel_type: ChannelType) -> bool:
    """Whether the type's provider asks an address whether it is ours."""
    return ability(default_adapter(channel_type), SupportsChallenge) is not None


@pytest.mark.parametrize("type_", [each for each in ChannelType if not _asks(each)])
def test_where_the_provider_does_not_ask_whether_the_address_is_ours_it_is_not_found(
    hub: ManualHub, type_: ChannelType
) -> None:
    channel = people.channel(hub.deps, type_, hub.tenant_id)
    answer = hub.client.get(f"/webhook/{type_.value}/{channel.id}")
    assert answer.status_code == 404, answer.text
