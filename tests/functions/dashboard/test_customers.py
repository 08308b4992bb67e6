"""Customers' profiles and history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.conversations import Conversation, ConversationStatus
from shared.domain.instances import ChannelType
from shared.domain.messages import Message
from tests.functions.dashboard.conftest import START
from tests.functions.dashboard.golden import golden, shape
from tests.functions.dashboard.people import NEW_YEAR, customer
from tests.functions.keys import key_for

Converse = Callable[..., Conversation]
Say = Callable[..., Message]

PROFILE = "/customers/cust_456/profile"


@pytest.fixture
def john(deps: Deps) -> None:
    """The printed customer."""
    customer(
        deps,
        name="John Doe",
        email="john@example.com",
        phone="+1234567890",
        preferences={"language": "en", "preferred_channel": "whatsapp"},
        tags=["vip", "returning"],
    )


def test_a_profile_has_the_printed_form(client: FlaskClient, john: None) -> None:
    answer: Any = client.get(PROFILE).json
    assert answer == golden("customer_profile_response")
    assert shape(answer) == shape(golden("customer_profile_response"))


def test_the_printed_change_keeps_what_it_does_not_name(client: FlaskClient, john: None) -> None:
    answer: Any = client.put(PROFILE, json=golden("customer_profile_request"))
    assert answer.status_code == 200
    changed = golden("customer_profile_response") | {
        "name": "John Smith",
        "email": "john.smith@example.com",
        "preferences": {"language": "es", "preferred_channel": "whatsapp"},
    }
    assert answer.json == changed | {"success": True}
    assert client.get(PROFILE).json == changed


def test_a_dashboard_begins_with_an_empty_hub(client: FlaskClient) -> None:
    twilio = {"twilio_account_sid": "ACxxxx", "phone_number": "+1987654321", "api_key": "a-secret-one"}
    assert client.post("/channels/sms/configure", json=twilio).status_code == 200
    person = {"name": "Ada", "email": "ada@example.com", "phone": "+15550001111", "tags": ["vip"]}
    saved: Any = client.post("/customers", json=person | {"preferences": {"preferred_channel": "sms"}})
    assert saved.status_code == 201
    customer_id = saved.json["customer_id"]
    profile: Any = client.get(f"/customers/{customer_id}/profile").json
    assert saved.json == profile | {"success": True}
    assert profile | person == profile
    session = {"customer_id": customer_id, "channel_type": "sms", "initial_message": "Hello"}
    created: Any = client.post("/sessions/create", json=session).json
    [listed] = client.get("/sessions/active").json["sessions"]  # type: ignore[index]
    assert (listed["session_id"], listed["customer_info"]["name"]) == (created["session_id"], "Ada")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": " ", "email": None},
        {"tags": ["vip"]},
        {"email": "nobody"},
        {"name": "Ada", "surname": "L"},
    ],
)
def test_a_customer_who_is_nobody_or_cannot_be_is_not_made(client: FlaskClient, body: Any) -> None:
    assert client.post("/customers", json=body).status_code == 400
    assert client.get("/customers").json["customers"] == []  # type: ignore[index]


def test_null_and_empty_text_take_a_value_away(client: FlaskClient, john: None) -> None:
    body: dict[str, Any] = {"phone": None, "email": "", "preferences": {"preferred_channel": None}, "tags": []}
    answer: Any = client.put(PROFILE, json=body).json
    assert (answer["phone"], answer["email"], answer["tags"], answer["name"]) == (None, None, [], "John Doe")
    assert answer["preferences"] == {"language": "en", "preferred_channel": None}


def test_a_preferred_channel_is_shown_in_this_dialects_word(client: FlaskClient, john: None) -> None:
    answer: Any = client.put(PROFILE, json={"preferences": {"preferred_channel": "WIDGET"}}).json
    assert answer["preferences"] == {"language": "en", "preferred_channel": "chat"}


@pytest.mark.parametrize(
    "body",
    [
        {"email": "nobody"},
        {"phone": "call me"},
        {"name": 5},
        {"name": "x" * 201},
        {"preferences": {"preferred_channel": "pigeon"}},
        {"preferences": "es"},
        {"tags": "vip"},
        {"tags": [""]},
        {"name": "a\u0000b"},
    ],
)
def test_a_change_that_cannot_be_is_refused(client: FlaskClient, john: None, body: Any) -> None:
    answer: Any = client.put(PROFILE, json=body)
    assert answer.status_code == 400
    assert isinstance(answer.json["detail"], str)
    assert client.get(PROFILE).json == golden("customer_profile_response")


def test_unknown_and_foreign_customers_look_the_same(client: FlaskClient, deps: Deps, john: None) -> None:
    stranger = key_for(deps, "foreign")
    for path, headers in ((PROFILE, stranger), ("/customers/nobody/profile", {})):
        assert client.get(path, headers=headers).status_code == 404
        assert client.put(path, json={}, headers=headers).status_code == 404
        assert client.get(path.replace("profile", "history"), headers=headers).status_code == 404


def test_a_viewer_reads_and_changes_nothing(client: FlaskClient, deps: Deps, john: None) -> None:
    viewer = key_for(deps, deps.settings.default_tenant_id, Role.VIEWER)
    assert client.get(PROFILE, headers=viewer).status_code == 200
    assert client.put(PROFILE, json={}, headers=viewer).status_code == 403


def test_customers_are_listed_newest_first_in_pages_without_merged_ones(client: FlaskClient, deps: Deps) -> None:
    for days, id_ in enumerate("abcd"):
        customer(deps, id_, created_at=NEW_YEAR + timedelta(days=days), merged_into="a" if id_ == "c" else None)
    customer(deps, "foreign", tenant_id="other")
    first: Any = client.get("/customers?limit=2").json
    assert [each["customer_id"] for each in first["customers"]] == ["d", "b"]
    assert list(first["customers"][0]) == list(golden("customer_profile_response"))
    rest: Any = client.get("/customers", query_string={"limit": 2, "cursor": first["next_cursor"]}).json
    assert [each["customer_id"] for each in rest["customers"]] == ["a"]
    assert rest["next_cursor"] is None


def test_nobody_is_an_empty_list(client: FlaskClient) -> None:
    assert client.get("/customers").json == {"customers": [], "next_cursor": None}


def test_the_history_has_the_printed_form(client: FlaskClient, john: None, converse: Converse) -> None:
    converse("sess_123", status=ConversationStatus.CLOSED, summary="Product inquiry")
    answer: Any = client.get("/customers/cust_456/history").json
    assert answer == golden("customer_history_response")
    assert shape(answer) == shape(golden("customer_history_response"))


def test_the_history_is_of_all_channels_newest_first(client: FlaskClient, john: None, converse: Converse) -> None:
    converse("first", created_at=START)
    converse("third", created_at=START + timedelta(days=2), channel=ChannelType.WIDGET)
    converse("second", 99, created_at=START + timedelta(days=1), channel=ChannelType.EMAIL)
    converse("of another", customer_id="somebody")
    answer: Any = client.get("/customers/cust_456/history?limit=2")
    assert [each["session_id"] for each in answer.json["interactions"]] == ["third", "second"]
    assert [each["channel_type"] for each in answer.json["interactions"]] == ["chat", "email"]
    following = {"cursor": answer.headers["X-Next-Cursor"]}
    rest: Any = client.get("/customers/cust_456/history", query_string=following)
    assert [each["session_id"] for each in rest.json["interactions"]] == ["first"]


def test_a_session_without_a_beginning_is_summed_up_by_its_latest_text(
    client: FlaskClient, john: None, converse: Converse, say: Say
) -> None:
    converse("sess")
    converse("silent", created_at=START - timedelta(days=1))
    say("sess", "m1", 1, text="Hello")
    say("sess", "m2", 2, text="We have\n an offer " + "for you " * 30)
    [sess, silent] = client.get("/customers/cust_456/history").json["interactions"]  # type: ignore[index]
    assert sess["summary"].startswith("We have an offer for you")
    assert len(sess["summary"]) <= 120
    assert silent["summary"] == ""


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=many", "cursor=nonsense"])
def test_a_page_that_cannot_be_is_refused(client: FlaskClient, john: None, query: str) -> None:
    assert client.get(f"/customers/cust_456/history?{query}").status_code == 400
    assert client.get(f"/customers?{query}").status_code == 400
