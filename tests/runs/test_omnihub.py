"""Omni-Hub's document from the first curl to a customer who was answered."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.eventually import eventually
from tests.evolution import MARIA, Evolution, recorded, upsert, written
from tests.functions.omnihub.test_printed_examples import GOLDEN
from tests.runs.conftest import API_KEY
from tests.runs.server import Client, Server
from tests.stubs import Reply, Stub, stub_server

pytestmark = pytest.mark.slow

RUN = "/api/v1/agent/support_agent/run"


def _created_by_curl(hub: Client, evolution: Stub, agent: Stub) -> Any:
    """The first curl, with the addresses of this run's servers for those on the reader's machine."""
    printed = (GOLDEN / "create_by_curl_request.json").read_text("utf-8")
    body = printed.replace("http://localhost:8080", evolution.url).replace("http://localhost:3000", agent.url)
    return hub.post("/api/v1/instances", json.loads(body), 201)


def _maria_writes(hub: Client, hook: dict[str, Any], path: str, text: str) -> Any:
    body = upsert(written(text), "business_whatsapp")
    return Client(hub.url, hook["headers"]).post(path, body)


def test_an_instance_is_made_its_code_is_scanned_and_its_customers_are_answered(
    server: Server, anonymous: Client, provider: Stub
) -> None:
    hub = server.client({"Authorization": f"Bearer {API_KEY}"})
    assert anonymous.get("/health")["status"] == "healthy"
    assert anonymous.get("/api/v1/instances", 401)["detail"] == "Invalid or missing API key"
    evolution = Evolution(provider)
    sent = {"key": {"remoteJid": MARIA, "fromMe": True, "id": "SENT1"}, "status": "PENDING"}
    provider.on("POST", "/message/sendText/business_whatsapp$", Reply(201, sent))
    with stub_server() as agent:
        agent.on("POST", RUN, lambda request: Reply(json={"message": f"You said: {request.json['message_content']}"}))
        created = _created_by_curl(hub, provider, agent)
        assert (created["name"], created["is_default"]) == ("business_whatsapp", True)
        assert created["evolution_key"] == "your_evolution_key"

        qr = hub.get("/api/v1/instances/business_whatsapp/qr")
        assert qr["status"] == "waiting_for_scan"
        prefix, _, picture = qr["qr_code"].partition(",")
        assert prefix == "data:image/png;base64"
        assert base64.b64decode(picture, validate=True).startswith(b"\x89PNG\r\n\x1a\n")

        own, default = "/webhook/evolution/business_whatsapp", "/webhook/evolution"
        assert urlsplit(evolution.hook["url"]).path == own
        evolution.state = "open"
        response = Client(hub.url, evolution.hook["headers"]).post(own, recorded("connection.update-open"))
        assert response == {"status": "success", "instance": "business_whatsapp"}
        status = eventually(lambda: _connected(hub))
        assert list(status) == ["instance_name", "channel_type", "status", "channel_data"]

        for number, path in enumerate((own, default), 1):
            answer = _maria_writes(hub, evolution.hook, path, f"hello {number}")
            assert answer == {"status": "success", "instance": "business_whatsapp"}
            texts = [each.json["text"] for each in provider.wait_for("/message/sendText", number)]
            assert texts[-1] == f"You said: hello {number}"
        agent_request = agent.to(RUN)[0]
        assert agent_request.headers["x-api-key"] == "your_agent_key"
        assert agent_request.json["session_name"] == f"business_whatsapp-{MARIA}"


def _connected(hub: Client) -> Any:
    status = hub.get("/api/v1/instances/business_whatsapp/status")
    return status if status["status"] == "connected" else None
