"""Who may do what: every operation of OmniChat, Dashboard and Forge, by every role.

A new operation needs a row in the table; the table names the lowest role that
may do it, and a body with which it gets as far as asking for the role.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from functions.dashboard.main import blueprints as dashboard
from functions.forge.main import blueprints as forge
from functions.omnichat.main import blueprints as omnichat
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.ports.store import Create, Ref
from shared.security.tokens import AccessClaims, sign, span
from shared.usecases.accounts.credentials import access_key
from tests.apps import create_app
from tests.documents import a_user
from tests.functions.keys import key_for
from tests.pipeline.hub import telegram_rules
from tests.stubs import Stub

OPEN = {
    "POST /api/visitors/{instance}/files",
    "POST /api/auth/register",
    "GET /api/auth/login",
    "POST /api/auth/login",
    "POST /api/auth/refresh",
    "GET /api/auth/link",
    "POST /api/auth/link",
    "POST /api/auth/link/form",
    "POST /api/auth/setup",
    "GET /api/tenants/{tenant_id}/facebook/platforms/facebook/login",
    "GET /health",
    "GET /health/ready",
    "GET /health/live",
    "GET /capabilities",
    "POST /sessions/join",
    "GET /media/{attachment_id}/content",
}

# For everybody who signs in, and for no key: tests/security/test_account_recovery.py.
OWN_ACCOUNT = {
    "POST /api/auth/logout",
    "POST /api/auth/password",
    "GET /api/auth/sessions",
    "DELETE /api/auth/sessions/{id}",
    "GET /api/me",
    "PATCH /api/me",
}

LOWEST: dict[str, Role] = {
    "GET /api/auth/me": Role.VIEWER,
    "GET /api/channel-types": Role.VIEWER,
    "GET /api/tenant": Role.VIEWER,
    "PATCH /api/tenant": Role.ADMIN,
    "POST /api/agents/{id}/try": Role.ADMIN,
    "GET /api/channels/{id}/health": Role.VIEWER,
    "GET /api/channels": Role.VIEWER,
    "POST /api/channels": Role.ADMIN,
    "GET /api/channels/{id}": Role.VIEWER,
    "PATCH /api/channels/{id}": Role.ADMIN,
    "DELETE /api/channels/{id}": Role.ADMIN,
    "POST /api/channels/{id}/connect": Role.ADMIN,
    "GET /api/channels/{id}/status": Role.VIEWER,
    "GET /api/channels/{id}/templates": Role.VIEWER,
    "POST /api/channels/{id}/templates": Role.ADMIN,
    "POST /api/channels/{id}/templates/sync": Role.ADMIN,
    "GET /api/channels/{id}/templates/{template_id}": Role.VIEWER,
    "DELETE /api/channels/{id}/templates/{template_id}": Role.ADMIN,
    "POST /api/channels/{id}/whatsapp/start": Role.ADMIN,
    "GET /api/channels/{id}/agent-binding": Role.VIEWER,
    "PATCH /api/channels/{id}/agent-binding": Role.ADMIN,
    "POST /api/whatsapp/channels/{id}/whatsapp": Role.ADMIN,
    "PATCH /api/tenants/{tenant_id}/channels/{id}": Role.ADMIN,
    "POST /api/tenants/{tenant_id}/telegram/bot/connect": Role.ADMIN,
    "POST /api/tenants/{tenant_id}/widget/generate": Role.ADMIN,
    "GET /api/agents": Role.VIEWER,
    "POST /api/agents": Role.ADMIN,
    "GET /api/agents/{id}": Role.VIEWER,
    "PATCH /api/agents/{id}": Role.ADMIN,
    "DELETE /api/agents/{id}": Role.ADMIN,
    "POST /api/agents/{id}/tools/{name}/secret": Role.ADMIN,
    "GET /api/agents/{id}/knowledge/files": Role.VIEWER,
    "POST /api/agents/{id}/knowledge/files": Role.ADMIN,
    "DELETE /api/agents/{id}/knowledge/files/{file_id}": Role.ADMIN,
    "GET /api/teams": Role.VIEWER,
    "POST /api/teams": Role.ADMIN,
    "GET /api/teams/{id}": Role.VIEWER,
    "PATCH /api/teams/{id}": Role.ADMIN,
    "DELETE /api/teams/{id}": Role.ADMIN,
    "GET /api/teams/{id}/members": Role.VIEWER,
    "POST /api/teams/{id}/members": Role.ADMIN,
    "DELETE /api/teams/{id}/members/{agent_id}": Role.ADMIN,
    "GET /api/collaborations": Role.VIEWER,
    "POST /api/telegram/user/start": Role.ADMIN,
    "POST /api/telegram/user/confirm": Role.ADMIN,
    "POST /api/telegram/user/logout": Role.ADMIN,
    "GET /api/search": Role.VIEWER,
    "GET /api/events": Role.VIEWER,
    "GET /api/inbox": Role.VIEWER,
    "GET /api/inbox/counts": Role.VIEWER,
    "POST /api/inbox/bulk": Role.AGENT,
    "POST /api/conversations/{id}/notes": Role.AGENT,
    "GET /api/notifications": Role.VIEWER,
    "PUT /api/notifications/read": Role.VIEWER,
    "PUT /api/notifications/{id}/read": Role.VIEWER,
    "GET /api/customers": Role.VIEWER,
    "POST /api/customers": Role.AGENT,
    "POST /api/customers/import": Role.AGENT,
    "GET /api/customers/{id}": Role.VIEWER,
    "PATCH /api/customers/{id}": Role.AGENT,
    "POST /api/customers/{id}/merge": Role.AGENT,
    "GET /api/customers/{id}/merges": Role.VIEWER,
    "POST /api/customers/{id}/unmerge": Role.AGENT,
    "POST /api/customers/{id}/erase": Role.OWNER,
    "GET /api/erasures": Role.OWNER,
    "GET /api/erasures/{id}": Role.OWNER,
    "POST /api/erasures/check": Role.OWNER,
    "GET /api/canned-replies": Role.VIEWER,
    "POST /api/canned-replies": Role.AGENT,
    "GET /api/canned-replies/{id}": Role.VIEWER,
    "PATCH /api/canned-replies/{id}": Role.AGENT,
    "DELETE /api/canned-replies/{id}": Role.AGENT,
    "GET /api/audit": Role.ADMIN,
    "GET /api/audit/export": Role.ADMIN,
    "GET /api/audit/verify": Role.ADMIN,
    "GET /api/webhooks": Role.ADMIN,
    "POST /api/webhooks": Role.ADMIN,
    "GET /api/webhooks/{id}": Role.ADMIN,
    "PATCH /api/webhooks/{id}": Role.ADMIN,
    "DELETE /api/webhooks/{id}": Role.ADMIN,
    "POST /api/webhooks/{id}/rotate-secret": Role.ADMIN,
    "POST /api/webhooks/{id}/test": Role.ADMIN,
    "POST /api/webhooks/{id}/replay": Role.ADMIN,
    "GET /api/webhooks/{id}/deliveries": Role.ADMIN,
    "GET /api/webhooks/{id}/deliveries/{delivery_id}": Role.ADMIN,
    "POST /api/webhooks/{id}/deliveries/{delivery_id}/resend": Role.ADMIN,
    "GET /api/business-hours": Role.VIEWER,
    "POST /api/business-hours": Role.ADMIN,
    "GET /api/business-hours/{id}": Role.VIEWER,
    "PATCH /api/business-hours/{id}": Role.ADMIN,
    "DELETE /api/business-hours/{id}": Role.ADMIN,
    "GET /api/sla-policies": Role.VIEWER,
    "POST /api/sla-policies": Role.ADMIN,
    "GET /api/sla-policies/{id}": Role.VIEWER,
    "PATCH /api/sla-policies/{id}": Role.ADMIN,
    "DELETE /api/sla-policies/{id}": Role.ADMIN,
    "GET /api/conversations": Role.VIEWER,
    "GET /api/conversations/{id}": Role.VIEWER,
    "PATCH /api/conversations/{id}": Role.AGENT,
    "GET /api/conversations/{id}/messages": Role.VIEWER,
    "PATCH /api/conversations/{id}/auto-reply": Role.AGENT,
    "POST /api/conversations/{id}/read": Role.AGENT,
    "PUT /api/conversations/{id}/read": Role.AGENT,
    "POST /api/conversations/{id}/typing": Role.AGENT,
    "POST /api/conversations/{id}/take": Role.AGENT,
    "GET /api/access/rules": Role.VIEWER,
    "POST /api/access/rules": Role.ADMIN,
    "GET /api/access/rules/{id}": Role.VIEWER,
    "PATCH /api/access/rules/{id}": Role.ADMIN,
    "DELETE /api/access/rules/{id}": Role.ADMIN,
    "POST /api/access/check": Role.VIEWER,
    "POST /api/conversations/{id}/release": Role.AGENT,
    "POST /api/conversations/{id}/offer": Role.AGENT,
    "POST /api/conversations/{id}/accept": Role.AGENT,
    "POST /api/messages/send": Role.AGENT,
    "PATCH /api/messages/{id}": Role.AGENT,
    "DELETE /api/messages/{id}": Role.AGENT,
    "GET /api/messages/{id}/journey": Role.VIEWER,
    "POST /api/files": Role.AGENT,
    "GET /api/files/{id}": Role.VIEWER,
    "GET /api/outbox": Role.OWNER,
    "POST /api/outbox/{id}/redrive": Role.OWNER,
    "GET /api/users": Role.VIEWER,
    "POST /api/users": Role.ADMIN,
    "GET /api/users/invitations": Role.ADMIN,
    "DELETE /api/users/invitations/{id}": Role.ADMIN,
    "PATCH /api/users/{id}": Role.ADMIN,
    "GET /api/users/availability": Role.VIEWER,
    "GET /api/users/{id}/availability": Role.VIEWER,
    "PUT /api/users/{id}/availability": Role.AGENT,
    "DELETE /api/users/{id}": Role.ADMIN,
    "GET /api/settings": Role.VIEWER,
    "PATCH /api/settings": Role.ADMIN,
    "POST /api/users/{id}/password-reset": Role.OWNER,
    "DELETE /api/users/{id}/sessions": Role.ADMIN,
    "GET /api/keys": Role.ADMIN,
    "POST /api/keys": Role.ADMIN,
    "DELETE /api/keys/{id}": Role.ADMIN,
    "GET /channels/integrations": Role.VIEWER,
    "POST /channels/{channel_type}/configure": Role.ADMIN,
    "GET /channels/{channel_type}/status": Role.VIEWER,
    "GET /channels/capabilities": Role.VIEWER,
    "GET /sessions": Role.VIEWER,
    "GET /sessions/active": Role.VIEWER,
    "GET /sessions/{session_id}": Role.VIEWER,
    "PUT /sessions/{session_id}": Role.AGENT,
    "POST /sessions/create": Role.AGENT,
    "POST /sessions/{session_id}/can-send": Role.VIEWER,
    "POST /sessions/{session_id}/transfer": Role.AGENT,
    "POST /sessions/{session_id}/video-token": Role.AGENT,
    "POST /sessions/{session_id}/rating": Role.AGENT,
    "POST /sessions/{session_id}/read": Role.AGENT,
    "POST /sessions/{session_id}/typing": Role.AGENT,
    "GET /messages/{session_id}": Role.VIEWER,
    "POST /messages/send": Role.AGENT,
    "PUT /messages/{message_id}": Role.AGENT,
    "DELETE /messages/{message_id}": Role.AGENT,
    "GET /media/{attachment_id}": Role.VIEWER,
    "POST /media/{attachment_id}/links": Role.VIEWER,
    "GET /customers": Role.VIEWER,
    "POST /customers": Role.AGENT,
    "GET /customers/{customer_id}/profile": Role.VIEWER,
    "PUT /customers/{customer_id}/profile": Role.AGENT,
    "GET /customers/{customer_id}/history": Role.VIEWER,
    "POST /customers/{customer_id}/merge": Role.AGENT,
    "POST /customers/{customer_id}/unmerge": Role.AGENT,
    "GET /analytics/dashboard": Role.VIEWER,
    "GET /analytics/channel-performance": Role.VIEWER,
    "GET /analytics/customer-satisfaction": Role.VIEWER,
    "GET /api/campaigns": Role.VIEWER,
    "POST /api/campaigns": Role.ADMIN,
    "POST /api/campaigns/audience": Role.VIEWER,
    "GET /api/campaigns/{id}": Role.VIEWER,
    "PATCH /api/campaigns/{id}": Role.ADMIN,
    "POST /api/campaigns/{id}/launch": Role.ADMIN,
    "POST /api/campaigns/{id}/pause": Role.ADMIN,
    "POST /api/campaigns/{id}/resume": Role.ADMIN,
    "POST /api/campaigns/{id}/cancel": Role.ADMIN,
    "GET /api/campaigns/{id}/recipients": Role.VIEWER,
    "GET /api/campaigns/{id}/recipients.csv": Role.VIEWER,
    "GET /campaigns": Role.VIEWER,
    "POST /campaigns": Role.ADMIN,
    "GET /campaigns/active": Role.VIEWER,
    "GET /campaigns/{campaign_id}/omnichannel": Role.VIEWER,
    "PUT /campaigns/{campaign_id}/channels": Role.ADMIN,
    "POST /campaigns/{campaign_id}/launch": Role.ADMIN,
    "POST /campaigns/{campaign_id}/conversions": Role.AGENT,
    "POST /campaign/omnichannel-launch": Role.ADMIN,
    "POST /transfer/channel": Role.AGENT,
    "POST /video/webrtc-session-start": Role.AGENT,
    "GET /routing/rules": Role.VIEWER,
    "POST /routing/rules": Role.ADMIN,
    "PUT /routing/rules/{rule_id}": Role.ADMIN,
    "DELETE /routing/rules/{rule_id}": Role.ADMIN,
    "POST /routing/rules/dry-run": Role.VIEWER,
    "GET /notifications": Role.VIEWER,
    "PUT /notifications/{notification_id}/read": Role.AGENT,
    "GET /integrations/status": Role.VIEWER,
    "POST /integrations/{integration_type}/test": Role.ADMIN,
    "GET /api/forge/config": Role.VIEWER,
    "PUT /api/forge/config": Role.AGENT,
    "GET /api/forge/omni/instances": Role.VIEWER,
    "POST /api/forge/omni/validate": Role.AGENT,
    "GET /api/omni/instances": Role.VIEWER,
    "POST /api/omni/validate": Role.AGENT,
    "POST /api/omni/test": Role.AGENT,
}

BODIES: dict[str, dict[str, Any]] = {
    "POST /api/channels": {"name": "Support", "type": "SLACK"},
    "POST /api/agents": {"name": "Ada"},
    "POST /api/agents/{id}/try": {"messages": [{"text": "Hello"}]},
    "POST /api/teams": {"name": "Support"},
    "POST /api/teams/{id}/members": {"agentId": "x"},
    "POST /api/messages/send": {"conversationId": "x", "text": "Hello"},
    "PATCH /api/messages/{id}": {"text": "Hello"},
    "POST /api/inbox/bulk": {"ids": ["x"], "status": "CLOSED"},
    "POST /api/conversations/{id}/notes": {"text": "Hello"},
    "POST /api/customers": {"name": "Ada"},
    "POST /api/customers/{id}/merge": {"sourceId": "y"},
    "POST /api/customers/{id}/unmerge": {"mergeId": "y"},
    "POST /api/customers/{id}/erase": {"confirmation": "Ada"},
    "POST /api/erasures/check": {"report": "{}", "signature": "x"},
    "POST /api/canned-replies": {"shortCode": "hi", "text": "Hello"},
    "POST /api/webhooks": {"url": "https://shop.example/", "topics": ["csat"]},
    "POST /api/webhooks/{id}/replay": {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"},
    "POST /api/business-hours": {"zone": "Europe/Berlin"},
    "POST /api/sla-policies": {"name": "Fast", "firstAnswerMinutes": 5},
    "POST /api/users": {"email": "new@example.com", "role": "agent"},
    "POST /api/keys": {"name": "shop", "role": "viewer", "scopes": ["write"]},
    "PATCH /api/conversations/{id}/auto-reply": {"enabled": False},
    "POST /api/access/rules": {"effect": "block", "kind": "country", "value": "BR"},
    "POST /api/access/check": {"address": "+5511988887777"},
    "POST /api/tenants/{tenant_id}/telegram/bot/connect": {"botToken": "1:x"},
    "POST /api/telegram/user/start": {"channelInstanceId": "x", "phone": "+49"},
    "POST /api/telegram/user/confirm": {"channelInstanceId": "x", "code": "1"},
    "POST /api/telegram/user/logout": {"channelInstanceId": "x"},
    "POST /sessions/create": {"customer_id": "x", "channel_type": "whatsapp"},
    "POST /sessions/{session_id}/transfer": {"from_channel": "whatsapp", "to_channel": "sms"},
    "POST /sessions/{session_id}/rating": {"score": 5},
    "POST /messages/send": {"session_id": "x", "content": "Hello"},
    "PUT /messages/{message_id}": {"content": "Hello"},
    "POST /customers/{customer_id}/merge": {"source_id": "y"},
    "POST /customers/{customer_id}/unmerge": {"merge_id": "y"},
    "POST /api/channels/{id}/templates": {"name": "a", "language": "en", "body": "Hello."},
    "POST /api/campaigns": {"name": "Spring", "channels": ["WHATSAPP"]},
    "POST /api/campaigns/audience": {"channels": ["WHATSAPP"], "audience": {"tags": ["vip"]}},
    "POST /campaigns": {"name": "Spring", "channels": ["whatsapp"]},
    "POST /customers": {"name": "Ada"},
    "POST /campaign/omnichannel-launch": {"campaign_id": "x", "channels": ["whatsapp"]},
    "POST /transfer/channel": {"session_id": "x", "from_channel": "chat", "to_channel": "voice"},
    "POST /video/webrtc-session-start": {"session_id": "x"},
    "PUT /campaigns/{campaign_id}/channels": {"channels": ["whatsapp"]},
    "POST /campaigns/{campaign_id}/conversions": {"customer_id": "x"},
    "POST /routing/rules": {"condition": "priority=high", "action": "set_priority:high"},
    "POST /routing/rules/dry-run": {"channel": "whatsapp"},
    "PUT /api/forge/config": {"omni_enabled": False, "omni_config": None},
}


@pytest.fixture
def app(deps: Deps, provider: Stub) -> Flask:
    telegram_rules(provider)
    return create_app(deps, [*omnichat(), *dashboard(), *forge()])


def _operations(app: Flask) -> set[str]:
    document: Any = app.test_client().get("/api/v1/openapi.json").json
    return {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}


def _token(deps: Deps, role: Role) -> dict[str, str]:
    user = a_user(id=f"u-{role.value}", tenant_id="acme", role=role)
    deps.store.commit([Create(Ref("users", user.id), user.model_dump())])
    issued, expires = span(deps.now(), 600)
    claims = AccessClaims(user_id=user.id, tenant_id="acme", email="a@b.cd", role=role, iat=issued, exp=expires)
    return {"Authorization": f"Bearer {sign(claims, access_key(deps))}"}


def _call(app: Flask, operation: str, headers: dict[str, str]) -> tuple[int, str]:
    method, _, path = operation.partition(" ")
    body = BODIES.get(operation, {}) if method != "GET" else None
    url = re.sub(r"\{\w+\}", "x", path)
    response = app.test_client().open(url, method=method, json=body, headers=headers)
    return response.status_code, response.text


def test_every_operation_has_its_row(app: Flask) -> None:
    assert _operations(app) == OPEN | OWN_ACCOUNT | set(LOWEST)
    assert set(LOWEST) >= set(BODIES)


@pytest.mark.parametrize("credential", ["token", "key"])
@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_what_the_table_says(app: Flask, deps: Deps, role: Role, credential: str) -> None:
    headers = _token(deps, role) if credential == "token" else key_for(deps, "acme", role)
    wrong = {}
    for operation, lowest in sorted(LOWEST.items()):
        status, text = _call(app, operation, headers)
        # A body that is refused proves nothing.
        unproven = {401, 405, 500} | ({400} if operation in BODIES else set())
        if (status == 403) == role.covers(lowest) or status in unproven:
            wrong[operation] = f"{status} {text}"
    assert wrong == {}


def test_without_a_credential_only_the_open_ones_answer(app: Flask, deps: Deps) -> None:
    closed = OWN_ACCOUNT | {
        op for op in LOWEST if op.split()[1].startswith("/api/") and not re.search("/(forge|omni)/", op)
    }
    assert {operation for operation in closed if _call(app, operation, {})[0] != 401} == set()


@pytest.mark.parametrize(("scope", "methods"), [("read", {"GET"}), ("write", {"POST", "PUT", "PATCH", "DELETE"})])
def test_a_scope_holds_for_every_operation(app: Flask, deps: Deps, scope: str, methods: set[str]) -> None:
    headers = key_for(deps, "acme", Role.OWNER, [scope])
    allowed = {operation for operation in LOWEST if _call(app, operation, headers)[0] != 403}
    # What only reads though it is called by POST belongs to those who read.
    posted = {operation for operation, lowest in LOWEST.items() if lowest is Role.VIEWER and "POST" in operation}
    expected = {operation for operation in LOWEST if operation.split()[0] in methods}
    assert allowed == (expected | posted if scope == "read" else expected - posted)
