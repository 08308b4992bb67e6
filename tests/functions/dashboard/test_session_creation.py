"""Beginning sessions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.dashboard.main import blueprints
from shared.deps import Deps
from shared.domain.conversations import Conversation
from shared.domain.instances import ChannelType
from tests import refs
from tests.apps import create_app
from tests.functions.dashboard.golden import golden, shape
from tests.functions.dashboard.people import address, channel, customer
from tests.functions.keys import key_for

BODY = golden("session_create_request")


@pytest.fixture
def reachable(deps: Deps) -> str:
    """The printed customer, who has a phone, and a WhatsApp channel; returns the channel's id."""
    customer(deps, name="John Doe", phone="+1 (234) 567-890")
    return channel(deps, ChannelType.WHATSAPP).id


def conversation(deps: Deps, session_id: str) -> Conversation:
    ref = refs.conversation(session_id)
    return Conversation.model_validate(deps.store.get([ref])[ref].data)


def test_the_printed_request_gives_the_printed_answer(client: FlaskClient, reachable: str) -> None:
    answer: Any = client.post("/sessions/create", json=BODY)
    assert answer.status_code == 200
    assert shape(answer.json) == shape(golden("session_create_response"))
    assert answer.json["status"] == "created"
    session: Any = client.get(f"/sessions/{answer.json['session_id']}").json
    assert (session["status"], session["priority"], session["channel_type"]) == ("active", "normal", "whatsapp")
    assert session["customer_info"] == {"name": "John Doe", "phone": "+1 (234) 567-890"}


def test_the_initial_message_is_the_customers_and_goes_to_nobody(
    client: FlaskClient, deps: Deps, reachable: str
) -> None:
    session_id = client.post("/sessions/create", json=BODY).json["session_id"]  # type: ignore[index]
    [message] = client.get(f"/messages/{session_id}").json["messages"]  # type: ignore[index]
    assert (message["sender"], message["content"], message["status"]) == (
        "customer",
        "Customer needs help",
        "received",
    )
    assert deps.store.find("outbox").documents == []
    assert conversation(deps, session_id).needs_reply_since is not None


def test_without_an_initial_message_there_is_none(client: FlaskClient, deps: Deps, reachable: str) -> None:
    body = {"customer_id": "cust_456", "channel_type": "WhatsApp", "initial_message": "  "}
    session_id = client.post("/sessions/create", json=body).json["session_id"]  # type: ignore[index]
    assert client.get(f"/messages/{session_id}").json["messages"] == []  # type: ignore[index]
    assert conversation(deps, session_id).needs_reply_since is None


def test_a_phone_number_is_the_same_address_that_whatsapp_tells(
    client: FlaskClient, deps: Deps, reachable: str
) -> None:
    session_id = client.post("/sessions/create", json=BODY).json["session_id"]  # type: ignore[index]
    ref = refs.identity(reachable, "1234567890@s.whatsapp.net")
    assert deps.store.get([ref])[ref].data["conversation_id"] == session_id


def test_a_second_session_at_the_same_address_is_the_first(client: FlaskClient, deps: Deps, reachable: str) -> None:
    first: Any = client.post("/sessions/create", json=BODY).json
    second: Any = client.post("/sessions/create", json=BODY | {"priority": "urgent", "initial_message": "Again"}).json
    assert second == first
    assert client.get(f"/sessions/{first['session_id']}").json["priority"] == "urgent"  # type: ignore[index]
    messages: Any = client.get(f"/messages/{first['session_id']}").json
    assert [message["content"] for message in messages["messages"]] == ["Customer needs help", "Again"]


def test_after_it_was_resolved_a_new_session_begins(client: FlaskClient, reachable: str) -> None:
    first: Any = client.post("/sessions/create", json=BODY).json
    client.put(f"/sessions/{first['session_id']}", json={"status": "resolved"})
    second: Any = client.post("/sessions/create", json=BODY).json
    assert second["session_id"] != first["session_id"]


def test_a_known_address_is_used_where_the_customer_has_one(client: FlaskClient, deps: Deps) -> None:
    person = customer(deps)
    channel(deps, ChannelType.TELEGRAM_BOT)
    second = channel(deps, ChannelType.TELEGRAM_BOT)
    address(deps, person, second, "77")
    session: Any = client.post("/sessions/create", json=BODY | {"channel_type": "telegram-bot"}).json
    assert conversation(deps, session["session_id"]).instance_id == second.id
    assert conversation(deps, session["session_id"]).external_user_id == "77"


def test_a_session_at_an_old_address_begins_with_what_the_profile_says_now(client: FlaskClient, deps: Deps) -> None:
    person = customer(deps, name="Ann Lee", phone="+1234567890")
    address(deps, person, channel(deps, ChannelType.TELEGRAM_BOT), "77", name="annie", phone="+49151")
    session: Any = client.post("/sessions/create", json=BODY | {"channel_type": "telegram-bot"}).json
    stored: Any = client.get(f"/sessions/{session['session_id']}").json
    assert stored["customer_info"] == {"name": "Ann Lee", "phone": "+1234567890"}
    [interaction] = client.get(f"/customers/{person.id}/history").json["interactions"]  # type: ignore[index]
    assert (interaction["session_id"], interaction["summary"]) == (session["session_id"], "Customer needs help")


def test_who_has_no_name_goes_by_that_of_the_address(client: FlaskClient, deps: Deps) -> None:
    address(deps, customer(deps), channel(deps, ChannelType.TELEGRAM_BOT), "77", name="annie")
    session: Any = client.post("/sessions/create", json=BODY | {"channel_type": "telegram-bot"}).json
    stored: Any = client.get(f"/sessions/{session['session_id']}").json
    assert stored["customer_info"]["name"] == "annie"


@pytest.mark.parametrize(
    ("type_", "missing"),
    [
        (ChannelType.WHATSAPP, "phone"),
        (ChannelType.SMS, "phone"),
        (ChannelType.VOICE, "phone"),
        (ChannelType.EMAIL, "email"),
        (ChannelType.WIDGET, "identity"),
    ],
)
def test_without_an_address_it_says_what_is_missing(
    client: FlaskClient, deps: Deps, type_: ChannelType, missing: str
) -> None:
    customer(deps)
    channel(deps, type_)
    answer: Any = client.post("/sessions/create", json=BODY | {"channel_type": type_.value})
    assert answer.status_code == 422
    assert f"{missing} is missing" in answer.json["detail"]


def test_a_channel_that_nobody_configured_is_named(client: FlaskClient, deps: Deps) -> None:
    customer(deps, phone="+1234567890")
    answer: Any = client.post("/sessions/create", json=BODY | {"channel_type": "sms"})
    assert answer.status_code == 422
    assert "there is no sms channel" in answer.json["detail"]


def test_an_address_of_somebody_else_is_a_conflict(client: FlaskClient, deps: Deps, reachable: str) -> None:
    client.post("/sessions/create", json=BODY)
    customer(deps, "double", phone="+1234567890")
    assert client.post("/sessions/create", json=BODY | {"customer_id": "double"}).status_code == 409


def test_unknown_and_foreign_customers_look_the_same(client: FlaskClient, deps: Deps, reachable: str) -> None:
    stranger = key_for(deps, "foreign")
    assert client.post("/sessions/create", json=BODY | {"customer_id": "nobody"}).status_code == 404
    assert client.post("/sessions/create", json=BODY, headers=stranger).status_code == 404


@pytest.mark.parametrize(
    "change", [{"customer_id": ""}, {"channel_type": "pigeon"}, {"channel_type": None}, {"priority": "highest"}]
)
def test_a_request_that_cannot_be_is_refused(client: FlaskClient, reachable: str, change: dict[str, Any]) -> None:
    assert client.post("/sessions/create", json=BODY | change).status_code == 400


def test_twenty_at_once_are_one_session(deps: Deps, reachable: str) -> None:
    app = create_app(deps, blueprints(), documented=False)

    def create(n: int) -> Any:
        return app.test_client().post("/sessions/create", json=BODY | {"initial_message": f"{n}"})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(create, range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["session_id"] for answer in answers}) == 1
    assert deps.store.count("conversations") == 1
    assert {document.data["text"] for document in deps.store.find("messages").documents} == {str(n) for n in range(20)}
