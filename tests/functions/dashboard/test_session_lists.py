"""Lists of sessions, one session, and changing it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.conversations import Conversation, ConversationStatus, Priority
from shared.domain.instances import ChannelType
from tests.functions.dashboard.golden import golden, shape
from tests.functions.keys import key_for

Converse = Callable[..., Conversation]

pytestmark = pytest.mark.usefixtures("external_agents")


@pytest.fixture
def several(converse: Converse) -> None:
    converse("a", 1, assignee_id="agent_789")
    converse("b", 2, channel=ChannelType.WIDGET, priority=Priority.HIGH)
    converse("c", 3, status=ConversationStatus.CLOSED, customer_id="other", assignee_id="agent_789")
    converse("d", 4, tenant_id="foreign", assignee_id="agent_789")


@pytest.mark.parametrize(
    ("query", "expected_ids"),
    [
        ("", "cba"),
        ("status=active", "ba"),
        ("status=OPEN", "ba"),
        ("status=resolved", "c"),
        ("agent_id=agent_789", "ca"),
        ("agent_id=agent_789&status=active", "a"),
        ("channel=chat", "b"),
        ("channel=Widget&status=active", "b"),
        ("priority=HIGH", "b"),
        ("priority=high&status=resolved", ""),
        ("customer_id=other", "c"),
        ("customer_id=other&status=resolved", "c"),
    ],
)
def test_sessions_are_found_by_status_and_one_thing_more(
    client: FlaskClient, several: None, query: str, expected_ids: str
) -> None:
    answer: Any = client.get(f"/sessions?{query}").json
    assert "".join(session["session_id"] for session in answer["sessions"]) == expected_ids
    assert list(answer) == ["sessions", "next_cursor"]


def test_two_filters_beside_the_status_are_refused_by_name(client: FlaskClient) -> None:
    answer: Any = client.get("/sessions?agent_id=a&priority=high&status=active")
    assert answer.status_code == 400
    assert "agent_id and priority" in answer.json["detail"]


@pytest.mark.parametrize("query", ["status=created", "priority=none", "channel=pigeon", "limit=0"])
def test_a_filter_that_means_nothing_is_refused(client: FlaskClient, query: str) -> None:
    assert client.get(f"/sessions?{query}").status_code == 400


def test_pages_follow_one_another(client: FlaskClient, several: None) -> None:
    first: Any = client.get("/sessions?limit=2").json
    rest: Any = client.get("/sessions", query_string={"limit": 2, "cursor": first["next_cursor"]}).json
    assert [session["session_id"] for session in rest["sessions"]] == ["a"]
    assert rest["next_cursor"] is None


def test_one_session_can_be_read_by_its_own_tenant_only(client: FlaskClient, deps: Deps, several: None) -> None:
    assert client.get("/sessions/a").json["session_id"] == "a"  # type: ignore[index]
    for session_id in ("d", "nothing"):
        assert client.get(f"/sessions/{session_id}").status_code == 404
    assert client.get("/sessions/a", headers=key_for(deps, "foreign")).status_code == 404


def test_the_active_sessions_have_the_printed_form(client: FlaskClient, converse: Converse) -> None:
    printed = golden("sessions_active_response")
    converse(
        "sess_123",
        29,
        assignee_id="agent_789",
        priority=Priority.HIGH,
        customer_name="John Doe",
        customer_phone="+1234567890",
    )
    answer: Any = client.get("/sessions/active").json
    assert answer == printed
    assert shape(answer) == shape(printed)


def test_a_poll_is_answered_in_full_only_when_something_changed(client: FlaskClient, converse: Converse) -> None:
    converse("a")
    first = client.get("/sessions/active")
    again = client.get("/sessions/active", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    converse("b")
    changed = client.get("/sessions/active", headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status_code, len(changed.json["sessions"])) == (200, 2)  # type: ignore[index]


def test_the_printed_change_gives_the_session(client: FlaskClient, converse: Converse) -> None:
    converse("sess_123")
    answer: Any = client.put("/sessions/sess_123", json=golden("session_update_request"))
    assert answer.status_code == 200
    session = dict(answer.json)
    assert session.pop("success") is True
    assert (session["status"], session["agent_id"], session["priority"]) == ("resolved", "agent_789", "low")
    assert session == client.get("/sessions/sess_123").json
    assert client.get("/sessions/active").json == {"sessions": []}


@pytest.mark.parametrize(
    ("spelling", "status"),
    [
        ("resolved", "resolved"),
        ("CLOSED", "resolved"),
        ("Active", "active"),
        ("open", "active"),
        ("SNOOZED", "snoozed"),
    ],
)
def test_both_vocabularies_are_understood(client: FlaskClient, converse: Converse, spelling: str, status: str) -> None:
    converse("sess")
    assert client.put("/sessions/sess", json={"status": spelling}).json["status"] == status  # type: ignore[index]


def test_what_is_left_out_stays_and_null_takes_the_agent_away(client: FlaskClient, converse: Converse) -> None:
    converse("sess", assignee_id="agent_1", priority=Priority.URGENT)
    answer: Any = client.put("/sessions/sess", json={"status": "resolved"}).json
    assert (answer["agent_id"], answer["priority"]) == ("agent_1", "urgent")
    answer = client.put("/sessions/sess", json={"agent_id": None}).json
    assert (answer["agent_id"], answer["status"]) == (None, "resolved")


def test_a_snoozed_session_wakes_when_it_is_told_or_after_a_day(
    client: FlaskClient, converse: Converse, deps: Deps
) -> None:
    converse("sess")
    client.put("/sessions/sess", json={"status": "snoozed"})
    slept = _until(deps) - deps.now()
    assert timedelta(hours=23) < slept <= timedelta(days=1)
    client.put("/sessions/sess", json={"status": "active"})
    later = (deps.now() + timedelta(hours=2)).isoformat()
    assert client.put("/sessions/sess", json={"status": "snoozed", "snoozed_until": later}).status_code == 200
    assert _until(deps) - deps.now() <= timedelta(hours=2)
    sooner = (deps.now() + timedelta(hours=1)).isoformat()
    assert client.put("/sessions/sess", json={"status": "snoozed", "snoozed_until": sooner}).status_code == 200
    assert _until(deps) - deps.now() <= timedelta(hours=1)


def _until(deps: Deps) -> Any:
    return deps.store.find("conversations", limit=1).documents[0].data["snoozed_until"]


@pytest.mark.parametrize(
    "body",
    [
        {"status": "created"},
        {"status": "waiting"},
        {"status": 5},
        {"priority": "highest"},
        {"agent_id": "x" * 65},
        {"status": "snoozed", "snoozed_until": "2020-01-01T00:00:00Z"},
        {"status": "snoozed", "snoozed_until": "2100-01-01T00:00:00"},
        {"status": "snoozed", "snoozed_until": "9999-12-31T23:59:59-12:00"},
    ],
)
def test_a_change_that_cannot_be_is_refused(client: FlaskClient, converse: Converse, body: Any) -> None:
    converse("sess")
    answer: Any = client.put("/sessions/sess", json=body)
    assert answer.status_code == 400
    assert isinstance(answer.json["detail"], str)


def test_foreign_sessions_cannot_be_changed_and_viewers_change_nothing(
    client: FlaskClient, converse: Converse, deps: Deps
) -> None:
    converse("sess")
    assert client.put("/sessions/sess", json={}, headers=key_for(deps, "foreign")).status_code == 404
    viewer = key_for(deps, deps.settings.default_tenant_id, Role.VIEWER)
    assert client.put("/sessions/sess", json={}, headers=viewer).status_code == 403
    assert client.get("/sessions/sess", headers=viewer).status_code == 200
