"""The Dashboard's quick start: an empty backend first, then the first conversation."""

from __future__ import annotations

import time

import pytest

from tests.eventually import eventually
from tests.functions.dashboard.golden import golden, shape
from tests.runs.conftest import DASHBOARD_TENANT, Deployment
from tests.runs.server import Client

pytestmark = pytest.mark.slow


def _customer_writes(deployment: Deployment, channel: str, text: str) -> None:
    message = {
        "message_id": 1,
        "date": int(time.time()),
        "chat": {"id": 5, "type": "private", "first_name": "Ann"},
        "from": {"id": 5, "is_bot": False, "first_name": "Ann"},
        "text": text,
    }
    provider = deployment.server.client()
    provider.post(f"/webhook/telegram_bot/{channel}", {"update_id": 1, "message": message})


def test_an_empty_dashboard_is_shown_and_then_the_first_conversation(deployment: Deployment, anonymous: Client) -> None:
    assert anonymous.get("/channels/integrations") == {"channels": []}
    assert anonymous.get("/sessions/active") == golden("quick_start_sessions")
    assert anonymous.get("/analytics/dashboard") == golden("quick_start_analytics") | {"activeChannels": 0}
    assert anonymous.get("/notifications") == {"notifications": []}

    operator = deployment.server.client(deployment.server.operators_key(DASHBOARD_TENANT))
    bot = {"name": "Shop", "type": "TELEGRAM_BOT", "config": {"botToken": "8:t"}}
    channel = operator.post("/api/channels", bot, 201)
    [listed] = anonymous.get("/channels/integrations")["channels"]
    [printed] = golden("quick_start_channels")["channels"]
    assert set(printed) <= set(listed)
    summary = (listed["id"], listed["name"], listed["status"], listed["metrics"]["active_sessions"])
    assert summary == ("telegram_bot-1", "Shop", printed["status"], printed["metrics"]["active_sessions"])
    assert anonymous.get("/analytics/dashboard") == golden("quick_start_analytics")

    _customer_writes(deployment, channel["id"], "I need help with my order")
    [session] = eventually(lambda: anonymous.get("/sessions/active")["sessions"])
    [like] = golden("sessions_active_response")["sessions"]
    assert list(session) == list(like)
    assert (session["status"], session["customer_info"]["name"]) == ("active", "Ann")
    operator.patch("/api/settings", {"externalAgents": True})
    path = f"/sessions/{session['session_id']}"
    assert anonymous.put(path, {"priority": "high", "agent_id": "agent_789"})["priority"] == "high"
    sent = golden("message_send_request") | {"session_id": session["session_id"]}
    assert anonymous.post("/messages/send", sent, 202)["success"] is True
    deployment.telegram.wait_for("/bot8:t/sendMessage")
    messages = anonymous.get(f"/messages/{session['session_id']}")["messages"]
    assert [(each["sender"], each["content"]) for each in messages] == [
        ("customer", "I need help with my order"),
        ("agent", "How can I help you?"),
    ]

    figures = anonymous.get("/analytics/dashboard?range=1h")
    assert (figures["totalSessions"], figures["activeChannels"]) == (1, 1)
    assert figures["channelMetrics"]["telegram_bot"]["messages"] == 2
    assert sum(bucket["messages"] for bucket in figures["trends"]) == 2
    profile = anonymous.get(f"/customers/{session['customer_id']}/profile")
    assert list(profile) == list(golden("customer_profile_response"))
    assert anonymous.put(path, {"status": "resolved"})["status"] == "resolved"
    assert anonymous.get("/sessions/active") == {"sessions": []}
    history = anonymous.get(f"/customers/{session['customer_id']}/history?limit=50")
    assert shape(history) == shape(golden("customer_history_response"))
