"""What each endpoint asks of the store, as ARCHITECTURE tells it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.bench.counting import Cost
from infra.bench.journey import Journey
from infra.generated import part
from shared.deps import Deps
from shared.ports.store import Document, Page, Ref, Where, Write
from tests.index_check import RecordingStore
from tests.pipeline.hub import telegram_rules
from tests.stubs import Stub

ARCHITECTURE = Path(__file__).parents[2] / "ARCHITECTURE.md"

AUDIENCE = {
    "channels": ["TELEGRAM_BOT"],
    "message": "Sale!",
    "audience": {"customerIds": ["{customer}"], "tags": ["vip"]},
}

# Endpoints in the order in which they are called, with bodies; `{…}` stands for the id of something there is.
CALLS: list[tuple[str, dict[str, Any] | None]] = [
    ("GET /health", None),
    ("GET /capabilities", None),
    ("GET /channels/integrations", None),
    ("GET /channels/telegram_bot/status", None),
    ("GET /sessions/active", None),
    ("GET /sessions", None),
    ("GET /sessions/{session}", None),
    ("GET /messages/{session}", None),
    ("GET /analytics/dashboard", None),
    ("GET /analytics/channel-performance", None),
    ("GET /analytics/customer-satisfaction", None),
    ("GET /customers", None),
    ("GET /customers/{customer}/profile", None),
    ("GET /customers/{customer}/history", None),
    ("GET /campaigns", None),
    ("GET /notifications", None),
    ("GET /integrations/status", None),
    ("GET /routing/rules", None),
    ("GET /api/auth/me", None),
    ("GET /api/channels", None),
    ("GET /api/channels/{channel}", None),
    ("GET /api/inbox", None),
    ("GET /api/inbox?view=mine&unread=true&sort=longest-wait", None),
    ("GET /api/inbox?sort=sla", None),
    ("GET /api/inbox?tag=vip", None),
    ("GET /api/inbox?since=2026-01-01T00:00:00Z", None),
    ("GET /api/inbox/counts", None),
    ("GET /api/search?q=customer", None),
    ("GET /api/conversations", None),
    ("GET /api/conversations/{session}", None),
    ("GET /api/conversations/{session}/messages", None),
    ("GET /api/customers?phone=%2B5511988887777", None),
    ("GET /api/customers/{customer}", None),
    ("GET /api/customers/{customer}/merges", None),
    ("GET /api/notifications", None),
    ("GET /api/agents", None),
    ("GET /api/teams", None),
    ("GET /api/outbox", None),
    ("GET /api/users", None),
    ("GET /api/keys", None),
    ("GET /api/v1/instances/supported-channels", None),
    ("GET /api/v1/instances", None),
    ("GET /api/v1/instances/support", None),
    ("GET /api/v1/instances/support/default", None),
    ("GET /api/health", None),
    ("GET /api/forge/config", None),
    ("PUT /api/conversations/{session}/read", {}),
    ("POST /messages/send", {"session_id": "{session}", "content": "hello"}),
    ("POST /api/messages/send", {"conversationId": "{session}", "text": "hello"}),
    ("PATCH /api/conversations/{session}", {"tags": ["vip"]}),
    ("POST /api/conversations/{session}/notes", {"text": "a note"}),
    ("POST /api/inbox/bulk", {"ids": ["{session}"], "addTags": ["new"]}),
    ("GET /api/campaigns", None),
    ("GET /api/campaigns/{campaign}", None),
    ("GET /api/campaigns/{campaign}/recipients", None),
    ("POST /api/campaigns/audience", AUDIENCE),
    ("GET /api/channels/{channel}/templates", None),
    ("GET /api/canned-replies", None),
    ("POST /api/canned-replies", {"shortCode": "hours", "text": "from 9 to 17"}),
    ("PUT /sessions/{session}", {"priority": "high"}),
    ("PUT /customers/{customer}/profile", {"preferences": {"language": "es"}}),
    ("POST /campaigns", {"name": "Sale", "channels": ["telegram_bot"], "message": "Sale!"}),
    ("POST /api/teams", {"name": "Sales"}),
    ("POST /routing/rules", {"condition": "priority=high", "action": "add_tag:vip"}),
    ("GET /api/business-hours", None),
    ("POST /api/business-hours", {"zone": "Europe/Berlin"}),
    ("GET /api/users/availability", None),
    ("GET /api/users/{user}/availability", None),
    ("PUT /api/users/{user}/availability", {"status": "away"}),
    ("GET /api/sla-policies", None),
    ("POST /api/sla-policies", {"name": "Fast", "firstAnswerMinutes": 60}),
    # From now on the tenant's events are kept.
    ("GET /api/events", None),
    ("GET /api/audit", None),
    ("GET /api/audit/verify", None),
    ("GET /api/webhooks", None),
    ("POST /api/webhooks", {"url": "https://shop.example/", "topics": ["csat"]}),
    ("GET /api/messages/{message}/journey", None),
]
POLLED = ("/channels/integrations", "/sessions/active", "/analytics/dashboard", "/api/inbox", "/api/inbox/counts")


@dataclass
class Kinds(RecordingStore):
    """A store that counts its round trips by kind."""

    round_trips: Counter[str] = field(default_factory=Counter)

    def get(self, refs: Sequence[Ref]) -> dict[Ref, Document]:
        self.round_trips["gets"] += 1
        return super().get(refs)

    def find(self, *args: Any, **kwargs: Any) -> Page:
        self.round_trips["queries"] += 1
        return super().find(*args, **kwargs)

    def count(self, collection: str, where: Sequence[Where] = (), up_to: int | None = None) -> int:
        self.round_trips["counts"] += 1
        return super().count(collection, where, up_to)

    def commit(self, writes: Sequence[Write]) -> None:
        self.round_trips["commits"] += bool(writes)
        super().commit(writes)


@pytest.fixture
def journey(deps: Deps, provider: Stub) -> Journey:
    """One tenant, one channel, one customer who wrote and was answered."""
    telegram_rules(provider)
    # The counters that a figure is made of are those of some hours; the hour must not end meanwhile.
    noon = deps.now().replace(hour=12, minute=0)
    journey = Journey(dataclasses.replace(deps, store=Kinds(deps.store), now=lambda: noon))
    journey.hire_echo()
    journey.write(chat=1, number=1)
    return journey


def _ids(journey: Journey) -> dict[str, str]:
    [session] = journey.get("/sessions/active")[0]["sessions"]
    [channel] = journey.get("/api/channels")[0]
    campaign = journey.call("POST", "/api/campaigns", {"name": "Sale", "channels": ["TELEGRAM_BOT"]})
    return {
        "session": session["session_id"],
        "customer": session["customer_id"],
        "channel": channel["id"],
        "campaign": campaign["id"],
        "message": journey.get(f"/api/conversations/{session['session_id']}/messages")[0]["messages"][0]["id"],
        "user": journey.get("/api/auth/me")[0]["user"]["id"],
    }


def _filled(text: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], text)


def _round_trips(journey: Journey, endpoint: str, body: dict[str, Any] | None, ids: dict[str, str]) -> dict[str, int]:
    method, path = _filled(endpoint, ids).split(" ")
    kinds = journey.store.inner
    assert isinstance(kinds, Kinds)
    filled_body = None if body is None else json.loads(_filled(json.dumps(body), ids))
    before = Counter(kinds.round_trips)
    journey.call(method, path, filled_body)
    return dict(kinds.round_trips - before)


def test_every_endpoint_costs_what_the_architecture_says(journey: Journey) -> None:
    ids = _ids(journey)
    measured = [(endpoint, _round_trips(journey, endpoint, body, ids)) for endpoint, body in CALLS]
    rows = [_row(endpoint, round_trips) for endpoint, round_trips in measured]
    table = part(ARCHITECTURE.read_text("utf-8"), "costs")
    listed = [line for line in table.splitlines() if line.startswith("| `")]
    assert listed == rows, "write this between the marks:\n" + "\n".join(rows)


def _row(endpoint: str, round_trips: dict[str, int]) -> str:
    numbers = " | ".join(str(round_trips.get(kind, 0)) for kind in ("gets", "queries", "counts", "commits"))
    return f"| `{endpoint}` | {numbers} |"


@pytest.mark.parametrize("path", POLLED)
def test_what_the_dashboard_polls_costs_the_same_however_much_was_written(journey: Journey, path: str) -> None:
    _, before = journey.get(path)
    for number in range(2, 60):
        journey.write(chat=1, number=number)
    _, after = journey.get(path)
    assert after == before
    assert before != Cost()
