"""Every example that the five documents print, and where none is printed, why there is none."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from functions.hub.main import blueprints
from functions.omnichat.wire import payload
from shared.deps import Deps
from tests.apps import SETTINGS_ONLY, create_app
from tests.eventually import eventually
from tests.evolution import Evolution
from tests.pipeline.hub import Hub, running_hub, telegram_rules
from tests.stubs import Reply, Stub

GOLDEN = Path(__file__).parent / "golden"

# Documented method and path, and the examples that are printed for it; a text is the reason why there is none.
EXAMPLES: dict[str, list[str] | str] = {
    "GET /health": ["omnihub/health_response", "dashboard/health_response"],
    "GET /capabilities": ["dashboard/capabilities_response"],
    "GET /api/health": ["omega/health"],
    "POST /api/pair": ["omega/pair_qr_ready", "omega/pair_already_paired"],
    "GET /api/pair/status": ["omega/pair_status_paired", "omega/pair_status_pending"],
    "GET /api/forge/config": ["forge/default_settings"],
    "PUT /api/forge/config": ["forge/settings"],
    "GET /api/forge/omni/instances": ["forge/instances"],
    "POST /webhook/evolution": ["omnihub/webhook_default_response"],
    "POST /webhook/evolution/{}": ["omnihub/webhook_response"],
    "GET /api/v1/docs": "a page, shown by tests/http/test_documentation.py",
    "GET /api/v1/instances/supported-channels": ["omnihub/supported_channels"],
    "POST /api/v1/instances": [
        "omnihub/create_request",
        "omnihub/create_response",
        "omnihub/create_by_curl_request",
        "omnihub/error_400",
    ],
    "GET /api/v1/instances": ["omnihub/list_response", "omnihub/error_401", "omnihub/error_500"],
    "GET /api/v1/instances/{}": ["omnihub/read_response", "omnihub/error_404"],
    "PUT /api/v1/instances/{}": ["omnihub/update_request", "omnihub/update_response"],
    "DELETE /api/v1/instances/{}": "204 has no body",
    "GET /api/v1/instances/{}/default": ["omnihub/default_response"],
    "POST /api/v1/instances/{}/set-default": ["omnihub/set_default_response"],
    "GET /api/v1/instances/{}/qr": ["omnihub/qr_response"],
    "GET /api/v1/instances/{}/status": ["omnihub/status_response"],
    "POST /api/v1/instances/{}/restart": ["omnihub/restart_response"],
    "POST /api/v1/instances/{}/logout": ["omnihub/logout_response"],
    "DELETE /api/v1/instances/{}/channel": ["omnihub/remove_channel_response"],
    "POST /api/auth/register": ["omnichat/register_request", "omnichat/session_response", "omnichat/token_payload"],
    "POST /api/auth/login": ["omnichat/login_request", "omnichat/session_response"],
    "POST /api/auth/refresh": ["omnichat/refresh_request"],
    "GET /api/auth/me": ["omnichat/me_response"],
    "POST /api/channels": ["omnichat/channel_request"],
    "GET /api/channels": "a list, whose items the document does not print",
    "POST /api/messages/send": "the document names no field of it",
    "POST /api/telegram/bot/webhook/{}": "its body is Telegram's",
    "POST /api/telegram/user/start": "the document names no field of it",
    "POST /api/telegram/user/confirm": "the document names no field of it",
    "POST /api/telegram/user/logout": "the document names no field of it",
    "GET /api/facebook/webhook": "its query and answer are Meta's",
    "POST /api/facebook/webhook": "its body is Meta's",
    "WS /socket.io": [
        "omnichat/whatsapp_qr_event",
        "omnichat/whatsapp_connected_event",
        "omnichat/channel_status_event",
        "omnichat/message_created_event",
        "omnichat/conversation_updated_event",
    ],
    "GET /channels/integrations": ["dashboard/channels_integrations_response", "dashboard/quick_start_channels"],
    "POST /channels/{}/configure": ["dashboard/channel_configure_request", "dashboard/channel_configure_response"],
    "GET /channels/{}/status": ["dashboard/channel_status_response"],
    "GET /sessions/active": ["dashboard/sessions_active_response", "dashboard/quick_start_sessions"],
    "POST /sessions/create": ["dashboard/session_create_request", "dashboard/session_create_response"],
    "PUT /sessions/{}": ["dashboard/session_update_request"],
    "POST /sessions/{}/transfer": ["dashboard/session_transfer_request"],
    "GET /analytics/dashboard": ["dashboard/analytics_dashboard_response", "dashboard/quick_start_analytics"],
    "GET /analytics/channel-performance": ["dashboard/analytics_channel_performance_response"],
    "GET /analytics/customer-satisfaction": ["dashboard/analytics_customer_satisfaction_response"],
    "GET /customers/{}/profile": ["dashboard/customer_profile_response"],
    "GET /customers/{}/history": ["dashboard/customer_history_response"],
    "PUT /customers/{}/profile": ["dashboard/customer_profile_request"],
    "GET /campaigns/{}/omnichannel": ["dashboard/campaign_omnichannel_response"],
    "PUT /campaigns/{}/channels": ["dashboard/campaign_channels_request"],
    "GET /notifications": ["dashboard/notifications_response"],
    "PUT /notifications/{}/read": ["dashboard/notification_read_response"],
    "GET /integrations/status": ["dashboard/integrations_status_response"],
    "POST /integrations/{}/test": ["dashboard/integration_test_request", "dashboard/integration_test_response"],
    "GET /messages/{}": ["dashboard/messages_response"],
    "POST /messages/send": ["dashboard/message_send_request"],
    "GET /routing/rules": ["dashboard/routing_rules_response"],
}


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def test_all_sixty_documented_endpoints_are_served_and_listed_here() -> None:
    application = create_app(SETTINGS_ONLY, blueprints())
    served = {
        f"{method} {re.sub(r'<[^>]*>', '{}', rule.rule)}"
        for rule in application.url_map.iter_rules()
        for method in rule.methods or ()
    }
    assert len(EXAMPLES) == 60
    assert set(EXAMPLES) - served == {"WS /socket.io"}


def test_every_example_is_there_and_is_looked_at_by_some_test() -> None:
    listed = {name for names in EXAMPLES.values() if isinstance(names, list) for name in names}
    there = {str(path.relative_to(GOLDEN).with_suffix("")) for path in GOLDEN.rglob("*.json")}
    # What else lies there are forms of endpoints of our own.
    assert listed <= there
    # This file names all in the table above; the doors' tests name those they look at by their own part.
    tests = [path.read_text("utf-8") for path in GOLDEN.parent.rglob("test_*.py") if path != Path(__file__)]
    own = Path(__file__).read_text("utf-8").partition("def golden(")[2]
    for name in there:
        mention = re.compile(rf'[/"]{name.partition("/")[2]}(\.json)?"')
        assert name in own or any(mention.search(text) for text in tests), f"{name} is never replayed"


@pytest.fixture
def hub(deps: Deps, provider: Stub) -> Iterator[Hub]:
    telegram_rules(provider)
    with running_hub(deps, provider) as running:
        yield running


def test_health_and_capabilities(hub: Hub) -> None:
    healthy = hub.get("/health")
    for name in ("omnihub/health_response", "dashboard/health_response"):
        printed = golden(name)
        assert {key: type(healthy[key]) for key in printed} == {key: type(value) for key, value in printed.items()}
        assert {**printed, "uptime": 0} == {**{key: healthy[key] for key in printed}, "uptime": 0}
    assert hub.get("/capabilities") == golden("dashboard/capabilities_response")


def test_evolutions_webhooks(hub: Hub) -> None:
    agent = {"agent_api_url": "http://localhost:3000", "agent_api_key": "k" * 16, "default_agent": "support"}
    hub.provider.on("GET", "/instance/connectionState/", Reply(json={"instance": {"state": "close"}}))
    for name in ("default_instance_name", "instance_name"):
        hub.post("/api/v1/instances", {"name": name, "evolution_key": "k" * 16} | agent, 201)
    event = {"event": "presence.update", "instance": "any", "data": {}}
    assert hub.post("/webhook/evolution", event) == golden("omnihub/webhook_default_response")
    assert hub.post("/webhook/evolution/instance_name", event) == golden("omnihub/webhook_response")


@pytest.mark.parametrize(
    ("example", "method", "path"),
    [
        ("omnihub/error_400", "POST", "/api/v1/instances"),
        ("omnihub/error_401", "GET", "/api/v1/instances"),
        ("omnihub/error_404", "GET", "/api/v1/instances/nothing"),
        ("omnihub/error_500", "GET", "/api/v1/instances"),
    ],
)
def test_failures(deps: Deps, example: str, method: str, path: str) -> None:
    if example == "omnihub/error_500":
        # Whatever breaks, nothing of it is told.
        deps = replace(deps, store=cast("Any", object()))
    keyed = replace(deps, settings=deps.settings.model_copy(update={"api_key": SecretStr("the-key")}))
    headers = {} if example == "omnihub/error_401" else {"Authorization": "Bearer the-key"}
    answer = create_app(keyed, blueprints()).test_client().open(path, method=method, json={}, headers=headers)
    assert answer.status_code == int(example[-3:])
    body: Any = answer.json
    assert {key: type(body[key]) for key in golden(example)} == {"detail": str}
    assert set(body) <= {"detail", "message", "error", "code", "request_id", "fields"}
    if example == "omnihub/error_401":
        assert body["detail"] == golden(example)["detail"]


def test_an_account_and_its_tokens(hub: Hub) -> None:
    registered = hub.post("/api/auth/register", golden("omnichat/register_request"), 201)
    signed_in = hub.post("/api/auth/login", golden("omnichat/login_request"))
    body = {key: signed_in[key] for key in golden("omnichat/refresh_request")}
    for session in (registered, signed_in, hub.post("/api/auth/refresh", body)):
        assert list(session) == list(golden("omnichat/session_response"))
    middle = registered["accessToken"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    named = golden("omnichat/token_payload")
    assert {key: type(claims[key]) for key in named} == dict.fromkeys(named, str)
    assert claims["email"] == named["email"]
    hub.headers = {"Authorization": f"Bearer {registered['accessToken']}"}
    assert list(hub.get("/api/auth/me")) == list(golden("omnichat/me_response"))


def test_a_channel_and_what_its_room_is_told(hub: Hub) -> None:
    hub.register()
    request = golden("omnichat/channel_request")
    created = hub.post("/api/channels", request, 201)
    assert {key: created[key] for key in request if key != "config"} == {
        k: v for k, v in request.items() if k != "config"
    }
    assert created["status"] == "DISCONNECTED"
    hub.customer_writes(created["id"], "hello")
    evolution = Evolution(hub.provider)
    agent = {"agent_api_url": "http://localhost:3000", "agent_api_key": "k" * 16, "default_agent": "support"}
    hub.post("/api/v1/instances", {"name": "acme-support", "evolution_key": "k" * 16} | agent, 201)
    hub.get("/api/v1/instances/acme-support/qr")
    evolution.scan(hub.client)
    forms = {
        "whatsapp-qr": golden("omnichat/whatsapp_qr_event"),
        "whatsapp-connected": golden("omnichat/whatsapp_connected_event"),
        "channel-status": golden("omnichat/channel_status_event"),
        "message-created": golden("omnichat/message_created_event"),
        "conversation-updated": golden("omnichat/conversation_updated_event"),
    }
    eventually(lambda: {event.name for event in hub.realtime} == set(forms))
    for event in hub.realtime:
        actual, form = payload(event), forms[event.name]
        assert {key: type(value) for key, value in actual.items()} == {key: type(value) for key, value in form.items()}
