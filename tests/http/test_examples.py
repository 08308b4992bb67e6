"""The examples of the OpenAPI document work: what Swagger prefills can be sent as it is, but for ids of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from shared.deps import Deps
from shared.domain.accounts import Role
from shared.http.example_words import ID
from tests.evolution import evolution_rules
from tests.functions.keys import key_for
from tests.http.belongings import filled, property_of
from tests.pipeline.hub import Hub, running_hub, telegram_rules
from tests.stubs import Reply, Stub

# Which of the tenant's things stands in the place of the example's id, by the field's name.
IDS = {
    "agentId": "agent_id",
    "agent_id": "user_id",
    "assigneeId": "agent_id",
    "campaign_id": "campaign_id",
    "channelInstanceId": "channel_id",
    "conversationId": "conversation_id",
    "customerId": "customer_id",
    "customer_id": "customer_id",
    "leadAgentId": "agent_id",
    "session_id": "conversation_id",
    "source_id": "second_customer_id",
    "sourceId": "second_customer_id",
}
# What no example can be: what a provider signs, a link that was sent, a visitor's or a session's own token, a login
# that a person has begun, a file, a message that was sent; what only an account of another kind has; and what leads to
# another system.
NEEDS_MORE = re.compile(
    r"/webhook|/api/telegram/|/api/facebook|/api/auth/(?!register)|/oauth|/widget|^/$|/console|/api/me$|/sessions/join|/media|/unmerge|/video"
    r"|/tools/|/redrive|/invitations/|/conversions|/members/|/api/pair$|/default$|/omni/|/files|/whatsapp/"
    r"|/chats/|/contacts/|/profile-picture|/update-profile-picture|messages/\{|/import|/bot/connect|/facebook/login"
    r"|/templates"
)
LAST = {"get": 0, "post": 1, "put": 1, "patch": 1, "delete": 2}


def _place(operation: tuple[str, str, Any]) -> tuple[int, int]:
    """What takes something away comes last."""
    method, path = operation[:2]
    return LAST["delete" if path.endswith("/erase") else method], -path.count("/")


@pytest.fixture
def hub(deps: Deps, provider: Stub) -> Iterator[Hub]:
    telegram_rules(provider)
    evolution_rules(provider)
    provider.on("POST", "/deleteWebhook", Reply(json={"ok": True, "result": True}))
    blocked = {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}
    provider.on("POST", "/sendMessage", Reply(403, blocked))
    with running_hub(deps, provider) as running:
        running.register("owner@example.com")
        yield running


def as_own(value: Any, ids: Mapping[str, str], name: str = "") -> Any:
    """An example's value with the tenant's own ids in it."""
    if isinstance(value, dict):
        return {key: as_own(item, ids, key) for key, item in value.items()}
    if isinstance(value, list):
        return [as_own(item, ids, name) for item in value]
    return ids.get(IDS.get(name, ""), value) if value == ID else value


def belongings(hub: Hub) -> dict[str, str]:
    """The ids of what the examples speak of, which is more than one of each kind."""
    hub.whatsapp()
    ids = property_of(hub)
    customer = hub.post("/customers", {"name": "Ada", "phone": "+5511988887777"}, 201)
    campaign = {"name": "Sale", "channels": ["whatsapp"], "message": "Sale!"}
    audience = {"customer_ids": [customer["customer_id"]]}
    [second] = hub.documents("instances", id=hub.telegram("Second"))
    ids["instance_name"] = second["name"]
    ids["second_customer_id"] = hub.post("/customers", {"name": "Ann"}, 201)["customer_id"]
    ids["campaign_id"] = hub.post("/campaigns", campaign | {"audience": audience}, 201)["campaign_id"]
    return ids | {"customer_id": customer["customer_id"]}


def test_every_example_is_taken(hub: Hub) -> None:
    ids = belongings(hub)
    # A key, because one of the examples ends the sessions of a user.
    headers = key_for(hub.deps, hub.tenant_id, Role.OWNER)
    document = hub.client.get("/api/v1/openapi.json").get_json()
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if not NEEDS_MORE.search(path)
    ]
    refused = []
    for method, path, operation in sorted(operations, key=_place):
        media = operation.get("requestBody", {}).get("content", {}).get("application/json")
        answer = hub.client.open(
            filled(path, ids),
            method=method.upper(),
            json=as_own(media["example"], ids) if media else None,
            headers=headers,
            query_string={"timeout": "0"} if path == "/api/pair/status" else None,
        )
        if answer.status_code >= 300 and answer.status_code != 409:
            refused.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
    assert refused == [], "\n".join(refused)
