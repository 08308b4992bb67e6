"""Moving sessions between channels."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.dashboard.main import blueprints
from shared.deps import Deps
from shared.domain.conversations import Conversation, Leg
from shared.domain.instances import ChannelType, Instance
from shared.ports.store import Merge, Ref
from tests import refs
from tests.apps import create_app
from tests.functions.dashboard.golden import golden
from tests.functions.dashboard.people import address, channel, customer
from tests.functions.keys import key_for

BODY = golden("session_transfer_request")

pytestmark = pytest.mark.usefixtures("external_agents")


@pytest.fixture
def widget(deps: Deps) -> Instance:
    return channel(deps, ChannelType.WIDGET)


@pytest.fixture
def voice(deps: Deps) -> Instance:
    return channel(deps, ChannelType.VOICE)


@pytest.fixture
def session(deps: Deps, converse: Callable[..., Conversation], widget: Instance, voice: Instance) -> Conversation:
    """The printed session: in the web chat, its customer has a phone and waits for an answer."""
    person = customer(deps, phone="+1234567890")
    waiting = deps.now() - timedelta(minutes=3)
    identity = address(deps, person, widget, "visitor", conversation_id="sess_123", waiting_since=waiting)
    leg = Leg(
        instance_id=widget.id,
        channel=ChannelType.WIDGET,
        external_conversation_id="visitor",
        external_user_id="visitor",
        started_at=deps.now(),
    )
    return converse(
        "sess_123",
        identity_id=identity.id,
        instance_id=widget.id,
        channel=ChannelType.WIDGET,
        needs_reply_since=waiting,
        legs=[leg],
    )


def stored(deps: Deps, ref: Ref) -> Any:
    return deps.store.get([ref])[ref].data


def test_the_printed_transfer_gives_the_session_on_its_new_channel(
    client: FlaskClient, deps: Deps, session: Conversation, voice: Instance
) -> None:
    answer: Any = client.post("/sessions/sess_123/transfer", json=BODY)
    assert answer.status_code == 200
    body = dict(answer.json)
    assert (body.pop("success"), body.pop("from_channel"), body.pop("to_channel")) == (True, "chat", "voice")
    assert body == client.get("/sessions/sess_123").json
    assert (body["session_id"], body["channel_type"], body["status"]) == ("sess_123", "voice", "active")
    assert body["agent_id"] == "agent_789"
    moved = Conversation.model_validate(stored(deps, refs.conversation("sess_123")))
    assert (moved.instance_id, moved.external_user_id) == (voice.id, "+1234567890")
    [first, second] = moved.legs
    assert (first.channel, first.ended_at, second.channel, second.ended_at) == (
        ChannelType.WIDGET,
        second.started_at,
        ChannelType.VOICE,
        None,
    )


def test_a_system_message_tells_the_reason(client: FlaskClient, session: Conversation) -> None:
    client.post("/sessions/sess_123/transfer", json=BODY)
    [message] = client.get("/messages/sess_123").json["messages"]  # type: ignore[index]
    assert message["sender"] == "system"
    assert message["content"] == "Transferred from chat to voice: Customer requested voice call"


def test_the_new_address_leads_to_the_session_and_the_old_one_no_more(
    client: FlaskClient, deps: Deps, session: Conversation, widget: Instance, voice: Instance
) -> None:
    client.post("/sessions/sess_123/transfer", json=BODY)
    old, new = (
        stored(deps, refs.identity(widget.id, "visitor")),
        stored(deps, refs.identity(voice.id, "+1234567890")),
    )
    assert (old["conversation_id"], old["waiting_since"]) == (None, None)
    assert (new["conversation_id"], new["waiting_since"]) == ("sess_123", session.needs_reply_since)
    assert new["customer_id"] == session.customer_id


def test_there_and_back_again(client: FlaskClient, deps: Deps, session: Conversation, widget: Instance) -> None:
    client.post("/sessions/sess_123/transfer", json=BODY)
    back = {"from_channel": "VOICE", "to_channel": "widget"}
    answer: Any = client.post("/sessions/sess_123/transfer", json=back)
    assert (answer.status_code, answer.json["channel_type"], answer.json["agent_id"]) == (200, "chat", "agent_789")
    assert stored(deps, refs.identity(widget.id, "visitor"))["conversation_id"] == "sess_123"
    assert len(stored(deps, refs.conversation("sess_123"))["legs"]) == 3


def test_a_session_that_is_elsewhere_cannot_leave(client: FlaskClient, session: Conversation) -> None:
    answer: Any = client.post("/sessions/sess_123/transfer", json=BODY | {"from_channel": "whatsapp"})
    assert answer.status_code == 409
    assert "not on the channel" in answer.json["detail"]
    assert client.get("/messages/sess_123").json["messages"] == []  # type: ignore[index]


def test_a_resolved_session_stays_where_it_is(client: FlaskClient, session: Conversation) -> None:
    client.put("/sessions/sess_123", json={"status": "resolved"})
    assert client.post("/sessions/sess_123/transfer", json=BODY).status_code == 409


def test_without_an_address_it_says_what_is_missing(client: FlaskClient, deps: Deps, session: Conversation) -> None:
    channel(deps, ChannelType.EMAIL)
    answer: Any = client.post("/sessions/sess_123/transfer", json=BODY | {"to_channel": "email"})
    assert (answer.status_code, "email is missing" in answer.json["detail"]) == (422, True)
    answer = client.post("/sessions/sess_123/transfer", json=BODY | {"to_channel": "sms"})
    assert (answer.status_code, "there is no sms channel" in answer.json["detail"]) == (422, True)


def test_the_page_moves_a_session_under_an_address_of_its_own(client: FlaskClient, session: Conversation) -> None:
    body = {"session_id": "sess_123", "from_channel": "chat", "to_channel": "voice", "context_data": {"any": 1}}
    moved: Any = client.post("/transfer/channel", json=body)
    assert (moved.status_code, moved.json["channel_type"], moved.json["from_channel"]) == (200, "voice", "chat")
    assert client.post("/transfer/channel", json=body).status_code == 409
    assert client.post("/transfer/channel", json=body | {"session_id": "nothing"}).status_code == 404


def test_a_channel_that_is_not_configured_yet_is_none_to_go_on_with(client: FlaskClient, session: Conversation) -> None:
    assert client.post("/channels/email/configure", json={"name": "Mail"}).status_code == 200
    person = f"/customers/{session.customer_id}/profile"
    assert client.put(person, json={"email": "ann@shop.example"}).status_code == 200
    moved: Any = client.post("/sessions/sess_123/transfer", json=BODY | {"to_channel": "email"})
    created: Any = client.post("/sessions/create", json={"customer_id": session.customer_id, "channel_type": "email"})
    for refused in (moved, created):
        assert refused.status_code == 422
        assert refused.json["detail"].startswith("email-1 cannot be used yet: missing in config: ")


def test_another_open_session_there_is_a_conflict(
    client: FlaskClient, session: Conversation, converse: Callable[..., Conversation]
) -> None:
    other: Any = client.post("/sessions/create", json={"customer_id": "cust_456", "channel_type": "voice"}).json
    assert client.post("/sessions/sess_123/transfer", json=BODY).status_code == 409
    client.put(f"/sessions/{other['session_id']}", json={"status": "resolved"})
    assert client.post("/sessions/sess_123/transfer", json=BODY).status_code == 200


def test_a_group_has_no_other_address(client: FlaskClient, deps: Deps, session: Conversation) -> None:
    deps.store.commit([Merge(refs.conversation("sess_123"), {"is_group": True})])
    assert client.post("/sessions/sess_123/transfer", json=BODY).status_code == 422


@pytest.mark.parametrize(
    "body",
    [{}, {"from_channel": "chat"}, BODY | {"to_channel": "chat"}, BODY | {"to_channel": "x"}, BODY | {"reason": 1}],
)
def test_a_transfer_that_cannot_be_is_refused(client: FlaskClient, session: Conversation, body: Any) -> None:
    assert client.post("/sessions/sess_123/transfer", json=body).status_code == 400


def test_unknown_and_foreign_sessions_look_the_same(client: FlaskClient, deps: Deps, session: Conversation) -> None:
    assert client.post("/sessions/nothing/transfer", json=BODY).status_code == 404
    assert client.post("/sessions/sess_123/transfer", json=BODY, headers=key_for(deps, "foreign")).status_code == 404


def test_of_twenty_at_once_one_moves_it(deps: Deps, session: Conversation) -> None:
    app = create_app(deps, blueprints(), documented=False)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: app.test_client().post("/sessions/sess_123/transfer", json=BODY), range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    assert deps.store.count("messages") == 1
    assert len(stored(deps, refs.conversation("sess_123"))["legs"]) == 2
