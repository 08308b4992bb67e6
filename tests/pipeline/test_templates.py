"""Templates and choices where a channel has none, and which adapter a configuration's provider names."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared import channels
from shared.domain.campaigns import Campaign
from shared.domain.instances import ChannelType
from shared.domain.messages import Direction
from shared.domain.outbox import Template
from shared.errors import BadRequest
from tests.eventually import eventually
from tests.pipeline.hub import Hub

TEMPLATE = {"name": "order_shipped", "language": "en_US", "parameters": ["42"]}
CHOICES = [{"id": "y", "title": "Yes"}]


def _session(hub: Hub) -> str:
    hub.customer_writes(hub.telegram(), "hello")
    return hub.conversation().id


def test_channel_without_templates_or_choices_says_so_and_stores_nothing(hub: Hub) -> None:
    session = _session(hub)
    for content in ({"template": TEMPLATE}, {"template": TEMPLATE, "text": "x"}, {"text": "Sure?", "choices": CHOICES}):
        refused = hub.post("/api/messages/send", {"conversationId": session, **content}, 422)
        assert "telegram_bot" in refused["detail"]
    hub.post("/messages/send", {"session_id": session, "template": TEMPLATE}, 422)
    assert hub.messages(Direction.OUTBOUND) == []


@pytest.mark.parametrize(
    "content",
    [{}, {"choices": CHOICES}, {"template": {"name": "x"}}, {"template": {"name": "", "language": "en"}}],
)
def test_incomplete_content_is_no_message(hub: Hub, content: dict[str, Any]) -> None:
    answer = hub.client.post("/api/messages/send", json={"conversationId": "c", **content}, headers=hub.headers)
    assert answer.status_code in (400, 422)
    assert answer.get_json()["code"] != "internal_error"


def test_dashboard_wants_content_or_a_template(hub: Hub) -> None:
    for empty in ({}, {"content": ""}, {"content": " \n"}):
        refused = hub.post("/messages/send", {"session_id": "s"} | empty, 400)
        assert list(refused["fields"]) == ["content"]
        assert refused["detail"].startswith("content: ")


def _campaign(settings: str) -> Campaign:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    return Campaign(
        id="c",
        tenant_id="t",
        name="Sale",
        channels=[ChannelType.WHATSAPP],
        settings=settings,
        message="Sale!",
        advanced_at=now,
        created_at=now,
        updated_at=now,
    )


@pytest.mark.parametrize(
    ("template", "text"),
    [("Dear customer", "Dear customer"), ("", "Sale!"), (" \n", "Sale!"), (7, "Sale!"), ({"name": "a_b"}, "Sale!")],
)
def test_text_of_a_campaign(template: object, text: str) -> None:
    campaign = _campaign(json.dumps({"whatsapp": {"template": template}, "sms": {"template": "Short"}}))
    assert campaign.text_on(ChannelType.WHATSAPP) == text
    assert (campaign.text_on(ChannelType.SMS), campaign.text_on(ChannelType.SLACK)) == ("Short", "Sale!")


def _with_document(name: str) -> str:
    header = {"type": "document", "link": "https://files.example/a.pdf", "filename": name}
    return json.dumps({"whatsapp": {"template": {"name": "a_b", "language": "de", "header": header}}})


def test_a_document_of_a_template_has_a_name_of_at_most_255_characters() -> None:
    template = _campaign(_with_document("x" * 255)).template_on(ChannelType.WHATSAPP)
    assert template is not None
    assert template.header is not None
    assert template.header["filename"] == "x" * 255


@pytest.mark.parametrize(
    ("campaign_settings", "expected"),
    [
        ('{"whatsapp": {"template": {"name": "a_b", "language": "de", "parameters": ["1"]}}}', ("a_b", "de", ["1"])),
        ('{"whatsapp": {"template": "summer_sale"}}', ("summer_sale", "en_US", [])),
        ('{"whatsapp": {"template": " summer_sale\\n"}}', ("summer_sale", "en_US", [])),
        ('{"whatsapp": {"template": "summer_sale", "language": "pt_BR", "parameters": ["x"]}}', None),
        ('{"whatsapp": {"template": "Dear customer, come in"}}', ()),
        ('{"whatsapp": {"template": {"name": "a_b"}}}', ()),
        ('{"whatsapp": {"template": "summer_sale", "parameters": 7}}', ()),
        ('{"whatsapp": {"template": {"name": "a_b", "language": "de", "header": {"type": "image"}}}}', ()),
        (_with_document("x" * 256), ()),
        ("{}", ()),
    ],
)
def test_template_of_a_campaign(campaign_settings: str, expected: tuple[Any, ...] | None) -> None:
    campaign = _campaign(campaign_settings)
    expected_fields = ("summer_sale", "pt_BR", ["x"]) if expected is None else expected
    template = campaign.template_on(ChannelType.WHATSAPP)
    if not expected_fields:
        assert template is None
        return
    assert template == Template(name=expected_fields[0], language=expected_fields[1], parameters=expected_fields[2])


@pytest.mark.parametrize(
    ("channel_type", "provider", "adapter"),
    [
        (ChannelType.WHATSAPP, None, "whatsapp_evolution"),
        (ChannelType.WHATSAPP, "", "whatsapp_evolution"),
        (ChannelType.WHATSAPP, " Cloud ", "whatsapp_cloud"),
        (ChannelType.WHATSAPP, "evolution", "whatsapp_evolution"),
        (ChannelType.TELEGRAM_BOT, "anything", "telegram_bot"),
    ],
)
def test_provider_names_the_adapter(channel_type: ChannelType, provider: object, adapter: str) -> None:
    assert channels.adapter_for(channel_type, provider) == adapter


def test_unknown_provider_is_refused() -> None:
    with pytest.raises(BadRequest, match="evolution, cloud"):
        channels.adapter_for(ChannelType.WHATSAPP, 7)


def test_change_of_provider_changes_the_adapter(hub: Hub) -> None:
    created = hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": {}}, 201)
    assert created["adapter"] == "whatsapp_evolution"
    changed = hub.patch(f"/api/channels/{created['id']}", {"config": {"provider": "cloud"}})
    assert changed["adapter"] == "whatsapp_cloud"
    assert changed["config"]["provider"] == "cloud", "it is shown, not masked as what the hub does not know"
    eventually(lambda: hub.get(f"/api/channels/{created['id']}")["adapter"] == "whatsapp_cloud")
