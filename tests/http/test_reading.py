"""Reading: what is polled can be asked for cheaply, and no list is without an end."""

from __future__ import annotations

from typing import Any

import pytest

from functions.hub.main import blueprints
from shared.deps import Deps
from tests.apps import create_app
from tests.http.test_operations import document, operations
from tests.pipeline.hub import Hub

POLLED = [
    "/channels/integrations",
    "/channels/telegram_bot/status",
    "/sessions/active",
    "/messages/{session}",
    "/analytics/dashboard",
    "/analytics/channel-performance",
    "/analytics/customer-satisfaction",
    "/notifications",
    "/integrations/status",
]

# Lists that end by themselves, each with what ends it.
SHORT = {
    "/capabilities": "the hub's own channels",
    "/channels/capabilities": "the hub's own channels",
    "/api/channel-types": "the hub's own channels",
    "/api/v1/instances/supported-channels": "the hub's own channels",
    "/integrations/status": "one for each channel type and provider",
    "/routing/rules": "a tenant has at most 100 rules",
    "/api/access/rules": "a tenant has at most 1000 rules",
    "/api/users/{id}/availability": "a person's skills and teams, of which there are few",
    "/api/business-hours": "a tenant has at most 50 of them",
    "/api/business-hours/{id}": "a week's intervals and 400 holidays at most",
    "/api/sla-policies": "a tenant has at most 50 policies",
    "/api/teams/{id}/members": "a team has at most 20 members",
    "/api/messages/{id}/journey": "of one message the last 20 tries are kept",
    "/api/agents/{id}": "an agent's tools, of which there are few",
    "/api/channels/{id}/templates/{template_id}": "a template's buttons, at most 10",
    "/api/webhooks/{id}": "an endpoint's topics and channels, of which there are few",
    "/api/webhooks/{id}/deliveries/{delivery_id}": "the last 20 attempts",
    "/api/teams/{id}": "a team's members, of which there are few",
    "/api/forge/omni/instances": "what the Omni server lists, cut at a maximum",
    "/api/agents/{id}/knowledge/files": "an agent has at most 20 files",
    "/campaigns/active": "the campaigns that are being sent, at most 200",
    "/api/v1/traces/phone/{phone}": "the newest thousand",
    "/api/v1/traces/{trace_id}/payloads": "three steps at most",
    "/api/v1/instances/": "one answer with the first thousand",
    "/api/omni/instances": "what the Omni server lists, cut at a maximum",
    "/analytics/dashboard": "one bucket for each part of the period",
    "/analytics/channel-performance": "one bucket for each hour of the period",
    "/analytics/customer-satisfaction": "one bucket for each day of the period",
    "/api/customers/{id}": "a customer's addresses, at most 200",
    "/api/erasures/{id}": "the places where something was erased, of which there are some twenty",
    "/customers/{customer_id}/profile": "a customer's opt-outs, one for each channel",
    "/health": "no list",
}


@pytest.fixture
def hub(hub: Hub) -> Hub:
    hub.customer_writes(hub.telegram(), "hello")
    return hub


@pytest.mark.parametrize(
    ("path", "empty"),
    [
        ("/sessions", "status=&channel=&agent_id=&priority=&customer_id=&limit=&cursor="),
        ("/notifications", "unread_only=&limit=&cursor="),
        ("/analytics/channel-performance", "channel=&range="),
        ("/api/conversations", "status=&limit=&cursor="),
        ("/api/outbox", "status=&limit="),
        ("/api/v1/instances", "skip=&limit="),
    ],
)
def test_a_parameter_without_a_value_is_as_good_as_not_given(hub: Hub, path: str, empty: str) -> None:
    hub.conversation()
    assert hub.get(f"{path}?{empty}") == hub.get(path)


@pytest.mark.parametrize("path", POLLED)
def test_what_is_polled_is_not_sent_again_while_it_stays_the_same(hub: Hub, path: str) -> None:
    path = path.format(session=hub.conversation().id)
    first = hub.client.get(path, headers=hub.headers)
    assert first.status_code == 200
    again = hub.client.get(path, headers=hub.headers | {"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    other = hub.client.get(path, headers=hub.headers | {"If-None-Match": '"something else"'})
    assert other.data == first.data


def test_messages_that_are_new_are_sent(hub: Hub) -> None:
    path = f"/messages/{hub.conversation().id}"
    etag = hub.client.get(path, headers=hub.headers).headers["ETag"]
    hub.post("/messages/send", {"session_id": hub.conversation().id, "content": "hi"}, 202)
    assert hub.client.get(path, headers=hub.headers | {"If-None-Match": etag}).status_code == 200


def _holds_a_list(operation: dict[str, Any]) -> bool:
    media = operation["responses"].get("200", {}).get("content", {}).get("application/json")
    if media is None:
        return False
    name = media["schema"].get("$ref", "").rsplit("/", 1)[-1]
    schema = document()["components"]["schemas"].get(name, media["schema"])
    items = [schema, *schema.get("properties", {}).values()]
    return any(item.get("type") == "array" and "$ref" in item.get("items", {}) for item in items)


def test_a_list_has_a_maximum_and_goes_on_after_it() -> None:
    lists = [
        (path, operation) for method, path, operation in operations() if method == "GET" and _holds_a_list(operation)
    ]
    assert lists
    for path, operation in lists:
        if path in SHORT:
            continue
        parameters = {each["name"]: each["schema"] for each in operation.get("parameters", ())}
        limit = parameters["page_size" if "page" in parameters else "limit"]
        assert parameters.keys() & {"cursor", "skip", "offset", "page"}, path
        assert limit["minimum"] == 1, path
        assert limit.get("maximum", 1000) <= 1000, path


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/pair"), ("GET", "/api/pair/status?timeout=0")])
def test_no_web_page_may_pair(deps: Deps, method: str, path: str) -> None:
    client = create_app(deps, blueprints()).test_client()
    headers = {"Origin": "http://localhost:5173", "Access-Control-Request-Method": method}
    for request_method in (method, "OPTIONS"):
        answer = client.open(path, method=request_method, headers=headers)
        assert not [name for name in answer.headers.keys() if name.lower().startswith("access-control-")]  # noqa: SIM118 - names, not pairs


@pytest.mark.parametrize("path", ["/health", "/sessions/active", "/api/v1/instances", "/no/such/page"])
def test_every_answer_has_the_headers_that_keep_browsers_safe(hub: Hub, path: str) -> None:
    headers = hub.client.get(path, headers=hub.headers).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    behind_tls = hub.client.get(path, headers=hub.headers | {"X-Forwarded-Proto": "https"}).headers
    assert behind_tls["Strict-Transport-Security"].startswith("max-age=")
