"""Errors use the Dashboard's own terms."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.deps import Deps
from shared.domain.instances import ChannelType
from tests.functions.dashboard.people import channel, customer


@pytest.mark.parametrize(
    ("type_", "body", "field"),
    [
        ("sms", {"webhook_url": "javascript:alert(1)"}, "webhook_url"),
        ("whatsapp", {"evolution_url": "nonsense"}, "evolution_url"),
        ("voice", {"twilio_account_sid": 5}, "twilio_account_sid"),
        ("sms", {"provider": "nobody"}, "provider"),
        ("chat", {"pace_per_second": "fast"}, "pace_per_second"),
        ("sms", {"name": "  "}, "name"),
    ],
)
def test_a_setting_that_cannot_be_is_named_as_the_body_names_it(
    client: FlaskClient, type_: str, body: dict[str, object], field: str
) -> None:
    answer: Any = client.post(f"/channels/{type_}/configure", json=body)
    assert answer.status_code == 400
    assert (answer.json["detail"].split(":")[0], list(answer.json["fields"])) == (field, [field])


def test_a_trial_names_the_setting_in_the_same_way(client: FlaskClient) -> None:
    body = {"api_key": "k", "integration": "OTHER"}
    answer: Any = client.post("/integrations/whatsapp/test", json=body).json
    assert answer["test_result"].startswith("integration: ")


def test_the_widget_is_called_chat(client: FlaskClient, deps: Deps) -> None:
    ann = customer(deps)
    body = {"customer_id": ann.id, "channel_type": "chat"}
    answer: Any = client.post("/sessions/create", json=body)
    assert (answer.status_code, answer.json["detail"]) == (422, "there is no chat channel: configure one first")
    channel(deps, ChannelType.WIDGET)
    answer = client.post("/sessions/create", json=body)
    assert (answer.status_code, answer.json["detail"].split(":")[0]) == (422, "the customer has no address on chat")


def test_a_campaign_has_a_name_that_can_be_read(client: FlaskClient) -> None:
    answer: Any = client.post("/campaigns", json={"name": "  ", "channels": ["sms"]})
    assert (answer.status_code, list(answer.json["fields"])) == (400, ["name"])


def test_blanks_around_a_tag_do_not_count_and_are_no_tag(client: FlaskClient, deps: Deps) -> None:
    profile = f"/customers/{customer(deps).id}/profile"
    answer: Any = client.put(profile, json={"tags": [" vip ", "vip", "two words"]})
    assert answer.json["tags"] == ["vip", "two words"]
    assert client.put(profile, json={"tags": ["  "]}).status_code == 400
    campaign = {"name": "Sale", "channels": ["sms"], "audience": {"tags": ["  "]}}
    assert client.post("/campaigns", json=campaign).status_code == 400
