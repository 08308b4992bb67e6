"""Nothing of one tenant is visible to another: every operation, walked with another tenant's ids."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from shared.deps import Deps
from tests.http.belongings import MARK, PATH_VALUES, filled, property_of
from tests.pipeline.hub import Hub, running_hub, telegram_rules
from tests.stubs import Reply, Stub

# The provider's doors take no credential, `GET .../default` names no instance, and types are no ids.
NO_CREDENTIAL = re.compile(
    r"/webhook|/oauth|/sessions/join|/api/telegram/bot|/api/facebook|/api/auth|/health|/widget|/api/visitors|/console|/capabilities|/default$|/facebook/platforms"
)
WITHOUT_WAITING = {"/api/pair/status": {"timeout": "0"}}


@pytest.fixture
def hub(deps: Deps, provider: Stub) -> Iterator[Hub]:
    telegram_rules(provider)
    blocked = {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}
    provider.on("POST", "/sendMessage", Reply(403, blocked))
    with running_hub(deps, provider) as running:
        running.register(f"{MARK}@example.com")
        yield running


def test_no_operation_shows_or_changes_what_another_tenant_has(hub: Hub) -> None:
    ids = property_of(hub)
    owner = dict(hub.headers)
    stranger = hub.register("stranger@example.com")
    document = hub.client.get("/api/v1/openapi.json").get_json()
    before = {name: hub.documents(name) for name in ("instances", "conversations", "customers", "agents", "outbox")}
    for path, methods in document["paths"].items():
        if NO_CREDENTIAL.search(path):
            continue
        for method in methods:
            answer = hub.client.open(
                filled(path, ids),
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
            assert not [i for i in ids.values() if i in body and i not in filled(path, ids)], f"{method} {path}: {body}"
    for name, documents in before.items():
        left = [document for document in hub.documents(name) if document.get("tenant_id") == documents[0]["tenant_id"]]
        assert len(left) == len(documents), f"a stranger changed {name}"
    hub.headers = owner
    assert hub.get(f"/api/conversations/{ids['conversation_id']}")["id"] == ids["conversation_id"]


def test_ids_in_bodies_lead_nowhere_for_a_stranger(hub: Hub) -> None:
    ids = property_of(hub)
    hub.register("stranger@example.com")
    for body in (
        {"conversationId": ids["conversation_id"], "text": "x"},
        {"channelInstanceId": ids["channel_id"], "externalUserId": "5", "text": "x"},
        {"channelInstanceId": ids["channel_id"], "customerId": ids["customer_id"], "text": "x"},
        {"customerId": ids["customer_id"], "text": "x"},
    ):
        assert MARK not in str(hub.post("/api/messages/send", body, 404))
    hub.post("/messages/send", {"session_id": ids["conversation_id"], "content": "x"}, 404)
