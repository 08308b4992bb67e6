"""Erasing a customer: nothing of them is left wherever the hub keeps something, and nothing brings it back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.bootstrap import utc_now
from shared.config import Settings
from shared.domain.events import Topic
from tests.eventually import eventually
from tests.google.deployment import require_emulators
from tests.pipeline.planting import (
    CHAT,
    WORD,
    Traces,
    embedded_traces,
    google_traces,
    plant,
)
from tests.stubs import Reply, Stub, stub_server

CONFIRMATION = {"confirmation": f"Ann {WORD}"}


@pytest.fixture
def receiver() -> Iterator[Stub]:
    """The tenant's own system."""
    with stub_server() as stub:
        stub.on("POST", r"/hook", Reply(204))
        yield stub


@pytest.fixture(params=["embedded", "google"])
def traces(request: pytest.FixtureRequest, settings: Settings, provider: Stub) -> Iterator[Traces]:
    if request.param == "google":
        require_emulators()
    open_traces = embedded_traces if request.param == "embedded" else google_traces
    with open_traces(settings, provider) as opened:
        yield opened


def _erase(traces: Traces, customer_id: str) -> dict[str, object]:
    """Order it, and let the sweep work it off; returns the signed report."""
    erasure = traces.hub.post(f"/api/customers/{customer_id}/erase", CONFIRMATION, 202)
    for minutes in range(0, 20, 2):
        traces.later(minutes)
        signed: dict[str, object] = traces.hub.get(f"/api/erasures/{erasure['id']}")
        if signed["signature"]:
            return signed
    raise AssertionError(signed)


def test_a_word_that_a_customer_left_everywhere_is_nowhere_afterwards(traces: Traces, receiver: Stub) -> None:
    hub = traces.hub
    planted = plant(traces, receiver)
    before = traces.count()
    assert sum(before.values()) > 40, before
    signed = _erase(traces, planted.customer_id)
    assert traces.count() == {}

    report = signed["report"]
    assert isinstance(report, dict)
    assert (report["state"], report["customerId"]) == ("finished", planted.customer_id)
    counts = {each["place"]: each["count"] for each in report["erased"]}
    expected = {"customers": 2, "identities": 2, "conversations": 2, "outbox": 2, "collaborations": 1, "calls": 1}
    expected |= {"agent_runs": 1, "ratings": 1, "customer_merges": 1, "personal_notifications": 1, "file_copies": 3}
    expected |= {"customer_tags": 1, "conversation_tags": 1}
    assert counts | expected == counts
    assert {"messages", "event_log", "webhook_deliveries", "raw_events"} <= counts.keys()
    text = {"report": json.dumps(report), "signature": signed["signature"]}
    assert hub.post("/api/erasures/check", text) == {"genuine": True}
    changed = {"report": json.dumps(report | {"finishedAt": 1}), "signature": signed["signature"]}
    assert hub.post("/api/erasures/check", changed) == {"genuine": False}

    eventually(lambda: "customer-erased" in [request.json["type"] for request in receiver.to("/hook")])
    _nothing_comes_back(traces, planted.channel_id, planted.updates)
    assert sum(hour["inbound"] for hour in hub.documents("stats", tenant_id=hub.tenant_id)) >= 5, "figures stay"

    hub.customer_writes(planted.channel_id, "it is me again", CHAT)
    again = eventually(lambda: [each for each in hub.conversations() if each.external_user_id == str(CHAT)])
    assert [each.customer_id for each in again] != [planted.customer_id]


def _nothing_comes_back(traces: Traces, channel_id: str, updates: list[dict[str, object]]) -> None:
    """Neither by a replay, nor by a provider that sends everything once more."""
    hub = traces.hub
    hub.deps.bus.replay(Topic.INBOUND, utc_now() - timedelta(days=7))
    for update in updates[:4]:
        hub.deliver_update(channel_id, update)
    hub.customer_writes(channel_id, "the last one", 99)
    last = eventually(lambda: [each for each in hub.messages() if each.text == "the last one"])
    assert last
    eventually(lambda: hub.deps.bus.replay(Topic.INBOUND, utc_now()) == 0)
    assert {each.text for each in hub.messages()} == {"the last one"}
    assert len(hub.documents("customers")) == 1
