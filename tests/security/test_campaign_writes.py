"""Who may change a campaign, and until when: every write, in each state, by each role."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.hub.main import blueprints
from shared.domain.accounts import Role
from tests.apps import create_app
from tests.functions.keys import key_for
from tests.pipeline.manual_hub import ManualHub

CHANNELS: dict[str, Any] = {"channels": ["sms"], "settings": {"sms": {"template": "Send me your card number"}}}
STATES = ("draft", "running", "finished")
ADMINS, ALL_BUT_VIEWERS = {Role.OWNER, Role.ADMIN}, {Role.OWNER, Role.ADMIN, Role.AGENT}

# By operation: who may, and what they are answered in each state.
ANSWERS: dict[str, tuple[set[Role], dict[str, int]]] = {
    "PUT channels": (ADMINS, {"draft": 200, "running": 409, "finished": 409}),
    "POST launch": (ADMINS, {"draft": 202, "running": 202, "finished": 409}),
    "POST conversions": (ALL_BUT_VIEWERS, {"draft": 404, "running": 404, "finished": 200}),
}


def _campaign(hub: ManualHub, bot: str, state: str) -> tuple[str, str]:
    """A campaign in that state, and the customer whom it is for."""
    hub.writes(bot, "hello")
    customer_id = hub.conversation().customer_id
    body = {
        "name": "Sale",
        "channels": ["telegram_bot"],
        "message": "Sale!",
        "audience": {"customer_ids": [customer_id]},
    }
    campaign_id = str(hub.post("/campaigns", body, 201)["campaign_id"])
    if state != "draft":
        hub.post(f"/campaigns/{campaign_id}/launch", {}, 202)
    if state == "finished":
        hub.tick()
    return campaign_id, customer_id


def _content(hub: ManualHub, campaign_id: str) -> dict[str, Any]:
    [document] = hub.documents("campaigns", id=campaign_id)
    return {name: document[name] for name in ("channels", "settings", "status", "audience", "message")}


def _status(client: FlaskClient, operation: str, campaign_id: str, customer_id: str, headers: dict[str, str]) -> int:
    method, _, name = operation.partition(" ")
    body = {"channels": CHANNELS, "conversions": {"customer_id": customer_id}}.get(name, {})
    return client.open(f"/campaigns/{campaign_id}/{name}", method=method, json=body, headers=headers).status_code


@pytest.fixture
def bot(manual_hub: ManualHub) -> str:
    return manual_hub.telegram()


@pytest.mark.parametrize("operation", ANSWERS)
@pytest.mark.parametrize("state", STATES)
def test_each_role_may_change_a_campaign_in_each_state_as_the_table_says(
    manual_hub: ManualHub, bot: str, state: str, operation: str
) -> None:
    campaign_id, customer_id = _campaign(manual_hub, bot, state)
    allowed, statuses = ANSWERS[operation]
    before = _content(manual_hub, campaign_id)
    for role in sorted(Role, key=lambda role: role in allowed):
        headers = key_for(manual_hub.deps, manual_hub.tenant_id, role)
        expected = statuses[state] if role in allowed else 403
        status = _status(manual_hub.client, operation, campaign_id, customer_id, headers)
        assert status == expected, f"{role} may {operation} a campaign that is {state}"
        if status >= 400:
            assert _content(manual_hub, campaign_id) == before


def test_a_dashboard_without_a_credential_changes_no_campaign(manual_hub: ManualHub, bot: str) -> None:
    campaign_id, customer_id = _campaign(manual_hub, bot, "draft")
    settings = manual_hub.deps.settings.model_copy(update={"anonymous_tenant": manual_hub.tenant_id})
    client = create_app(replace(manual_hub.deps, settings=settings), blueprints(), documented=False).test_client()
    assert client.get("/campaigns").status_code == 200
    assert _status(client, "PUT channels", campaign_id, customer_id, {}) == 403
    assert _status(client, "POST launch", campaign_id, customer_id, {}) == 403
