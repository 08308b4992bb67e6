"""One of everything that a tenant can have, and which of these a path means."""

from __future__ import annotations

import re
from typing import Any

from tests.eventually import eventually
from tests.pipeline.hub import Hub

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
    "/api/tenants": "channel_id",
    "/api/whatsapp/channels": "channel_id",
    "/api/agents": "agent_id",
    "/api/conversations": "conversation_id",
    "/api/canned-replies": "canned_reply_id",
    "/api/webhooks": "webhook_id",
    "/api/business-hours": "business_hours_id",
    "/api/sla-policies": "sla_policy_id",
    "/api/notifications": "notification_id",
    "/api/customers": "customer_id",
    "/api/erasures": "erasure_id",
    "/api/files": "file_id",
    "/api/outbox": "outbox_id",
    "/api/messages": "outbox_id",
    "/messages/{message_id}": "outbox_id",
    "/api/users/invitations": "invitation_id",
    "/api/users": "user_id",
    "/api/keys": "key_id",
    "/api/access/rules": "access_rule_id",
    "/api/teams": "team_id",
    "/sessions": "conversation_id",
    "/customers": "customer_id",
    "/api/campaigns": "campaign_id",
    "/campaigns": "campaign_id",
    "/routing/rules": "rule_id",
    "/notifications": "notification_id",
}
PATH_VALUES = {"tenant_id": "whatsapp", "channel_type": "whatsapp", "integration_type": "whatsapp", "phone": "5"}


def property_of(hub: Hub) -> dict[str, str]:
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
        ("/api/canned-replies", "canned_reply_id", {"shortCode": MARK, "text": MARK}),
        ("/api/keys", "key_id", {"name": MARK}),
        ("/api/webhooks", "webhook_id", {"url": f"https://{MARK}.example/", "topics": ["csat"], "description": MARK}),
        ("/api/business-hours", "business_hours_id", {"name": MARK, "zone": "Europe/Berlin"}),
        ("/api/sla-policies", "sla_policy_id", {"name": MARK, "firstAnswerMinutes": 60}),
        ("/api/access/rules", "access_rule_id", {"effect": "block", "kind": "tag", "value": MARK}),
        (
            "/api/users",
            "invitation_id",
            {"email": f"{MARK}2@example.com", "name": MARK, "role": "agent"},
        ),
    ]
    for path, name, body in recipes:
        if "post" in served.get(path, {}):
            created_ids[name] = _id(hub.post(path, body, 201), name)
    if "/api/erasures" in served:
        customer_id = hub.post("/api/customers", {"name": MARK}, 201)["id"]
        erase = f"/api/customers/{customer_id}/erase"
        created_ids["erasure_id"] = str(hub.post(erase, {"confirmation": MARK}, 202)["id"])
    return created_ids | {"user_id": str(hub.get("/api/auth/me")["user"]["id"])}


def _id(answer: dict[str, Any], name: str) -> str:
    id_ = answer.get("id") or answer.get(name) or next(v["id"] for v in answer.values() if isinstance(v, dict))
    return str(id_)


def filled(path: str, ids: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in PATH_VALUES:
            return PATH_VALUES[name]
        thing = THINGS.get(name) or next((t for p, t in BY_PREFIX.items() if path.startswith(p)), None)
        assert thing is not None, f"which of a tenant's things is {name} in {path}?"
        return ids.get(thing, f"{MARK}-none")

    return re.sub(r"\{(\w+)\}", value, path)
