"""Nothing of one tenant is visible to another: every operation, walked with another tenant's ids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from shared.deps import Deps
from tests.eventually import eventually
from tests.pipeline.hub import Hub, running_hub, telegram_rules
from tests.stubs import Reply, Stub

MARK = "zebra"
"""A text that is part of all the first tenant's data."""

# What a caller may name in a path, and which of the first tenant's things it is. A new parameter needs a row.
THINGS = {
    "instance_name": "instance_name",
    "channel_instance_id": "channel_id",
    "session_id": "conversation_id",
    "customer_id": "customer_id",
    "notification_id": "notification_id",
    "campaign_id": "campaign_id",
    "rule_id": "rule_id",
    "attachment_id": "attachment_id",
    "chat_id": "conversation_id",
    "contact_id": "customer_id",
    "trace_id": "message_id",
}
BY_PREFIX = {
    "/api/channels": "channel_id",
    "/api/agents": "agent_id",
    "/api/conversations": "conversation_id",
    "/api/outbox": "outbox_id",
    "/api/users/invitations": "invitation_id",
    "/api/users": "user_id",
    "/api/keys": "key_id",
    "/api/teams": "team_id",
    "/sessions": "conversation_id",
    "/customers": "customer_id",
    "/campaigns": "campaign_id",
    "/routing/rules": "rule_id",
    "/notifications": "notification_id",
}
# The provider's doors take no credential, `GET .../default` names no instance, and types are no ids.
NO_CREDENTIAL = re.compile(
    r"/webhook|/oauth|/sessions/join|/api/telegram/bot|/api/facebook|/api/auth|/health|/widget|/capabilities|/default$"
)
WITHOUT_WAITING = {"/api/pair/status": {"timeout": "0"}}
PATH_VALUES = {"channel_type": "whatsapp", "integration_type": "whatsapp", "phone": "5"}


@pytest.fixture
def hub(deps: Deps, provider: Stub) -> Iterator[Hub]:
    telegram_rules(provider)
    blocked = {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}
    provider.on("POST", "/sendMessage", Reply(403, blocked))
    with running_hub(deps, provider) as running:
        running.register(f"{MARK}@example.com")
        yield running


def _property(hub: Hub) -> dict[str, str]:
    """Create one of each kind of object for the first tenant; returns the ids."""
    channel_id = hub.telegram(f"{MARK} support")
    instance = hub.documents("instances", id=channel_id)[0]
    update = hub.update(5, f"{MARK} has a question")
    update["message"]["from"]["first_name"] = MARK
    hub.deliver_update(channel_id, update)
    conversation = hub.conversation()
    body = {"conversationId": conversation.id, "text": f"{MARK} answer"}
    outbox_id = hub.post("/api/messages/send", body, 202)["message"]["id"]
    dead = eventually(lambda: hub.documents("notifications", tenant_id=hub.tenant_id))
    return {
        "channel_id": channel_id,
        "instance_name": str(instance["name"]),
        "conversation_id": conversation.id,
        "customer_id": conversation.customer_id,
        "message_id": str(conversation.last_inbound_message_id),
        "outbox_id": outbox_id,
        "agent_id": hub.echo_agent(prompt=MARK),
        "notification_id": str(dead[0]["id"]),
    } | _newer_property(hub)


def _newer_property(hub: Hub) -> dict[str, str]:
    served = hub.client.get("/api/v1/openapi.json").get_json()["paths"]
    created_ids: dict[str, str] = {}
    recipes: list[tuple[str, str, dict[str, Any]]] = [
        ("/routing/rules", "rule_id", {"condition": f"text contains {MARK}", "action": "set_priority:high"}),
        ("/campaigns", "campaign_id", {"name": MARK, "channels": ["whatsapp"], "message": MARK}),
        ("/api/teams", "team_id", {"name": MARK}),
        ("/api/keys", "key_id", {"name": MARK}),
        (
            "/api/users",
            "invitation_id",
            {"email": f"{MARK}2@example.com", "name": MARK, "role": "agent"},
        ),
    ]
    for path, name, body in recipes:
        if "post" in served.get(path, {}):
            created_ids[name] = _id(hub.post(path, body, 201), name)
    return created_ids | {"user_id": str(hub.get("/api/auth/me")["user"]["id"])}


def _id(answer: dict[str, Any], name: str) -> str:
    id_ = answer.get("id") or answer.get(name) or next(v["id"] for v in answer.values() if isinstance(v, dict))
    return str(id_)


def _filled(path: str, ids: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in PATH_VALUES:
            return PATH_VALUES[name]
        thing = THINGS.get(name) or next((t for p, t in BY_PREFIX.items() if path.startswith(p)), None)
        assert thing is not None, f"which of a tenant's things is {name} in {path}?"
        return ids.get(thing, f"{MARK}-none")

    return re.sub(r"\{(\w+)\}", value, path)


def test_no_operation_shows_or_changes_what_another_tenant_has(hub: Hub) -> None:
    ids = _property(hub)
    owner = dict(hub.headers)
    stranger = hub.register("stranger@example.com")
    document = hub.client.get("/api/v1/openapi.json").get_json()
    before = {name: hub.documents(name) for name in ("instances", "conversations", "customers", "agents", "outbox")}
    for path, methods in document["paths"].items():
        if NO_CREDENTIAL.search(path):
            continue
        for method in methods:
            answer = hub.client.open(
                _filled(path, ids),
                method=method.upper(),
                json={},
                headers=stranger,
                query_string=WITHOUT_WAITING.get(path),
            )
            names_a_thing = "{" in path and not any(name in path for name in PATH_VALUES)
            allowed = (404, 400) if names_a_thing else (200, 201, 202, 204, 304, 400, 404, 409, 422, 502)
            assert answer.status_code in allowed, f"{method} {path}: {answer.status_code} {answer.text}"
            body = answer.text.replace(f"{MARK}-none", "")
            assert MARK not in body, f"{method} {path} shows another tenant's data: {body}"
            assert not [i for i in ids.values() if i in body and i not in _filled(path, ids)], (
                f"{method} {path}: {body}"
            )
    for name, documents in before.items():
        left = [document for document in hub.documents(name) if document.get("tenant_id") == documents[0]["tenant_id"]]
        assert len(left) == len(documents), f"a stranger changed {name}"
    hub.headers = owner
    assert hub.get(f"/api/conversations/{ids['conversation_id']}")["id"] == ids["conversation_id"]


def test_ids_in_bodies_lead_nowhere_for_a_stranger(hub: Hub) -> None:
    ids = _property(hub)
    hub.register("stranger@example.com")
    for body in (
        {"conversationId": ids["conversation_id"], "text": "x"},
        {"channelInstanceId": ids["channel_id"], "externalUserId": "5", "text": "x"},
        {"channelInstanceId": ids["channel_id"], "customerId": ids["customer_id"], "text": "x"},
        {"customerId": ids["customer_id"], "text": "x"},
    ):
        assert MARK not in str(hub.post("/api/messages/send", body, 404))
    hub.post("/messages/send", {"session_id": ids["conversation_id"], "content": "x"}, 404)
