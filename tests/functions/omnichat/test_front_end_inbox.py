"""OmniChat's own front end: signing in, and the inbox, request by request as the page sends them."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.accounts import Role
from shared.domain.conversations import Conversation
from shared.ports.store import Merge, Ref
from tests.functions.keys import key_for
from tests.functions.omnichat.accounts import PASSWORD
from tests.pipeline.manual_hub import ManualHub

NEW_USER = {"email": "ann@example.com", "password": PASSWORD, "name": "Ann"}


@pytest.fixture
def written(manual_hub: ManualHub) -> str:
    """A customer has written to a Telegram bot; returns the conversation."""
    manual_hub.writes(manual_hub.telegram(), "hello")
    manual_hub.work()
    return manual_hub.conversation().id


def _row(hub: ManualHub) -> Any:
    page = hub.get("/api/conversations")
    assert page["ok"] is True
    [row] = page["conversations"]
    return row


def test_who_signs_up_signs_in_or_is_asked_for_learns_their_tenant(manual_hub: ManualHub) -> None:
    registered = manual_hub.post("/api/auth/register", NEW_USER, 201)
    for session in (
        registered,
        manual_hub.post("/api/auth/login", {"email": NEW_USER["email"], "password": PASSWORD}),
        manual_hub.post("/api/auth/refresh", {"refreshToken": registered["refreshToken"]}),
    ):
        assert session["user"]["tenantId"] == session["tenant"]["id"]
    manual_hub.headers = {"Authorization": f"Bearer {registered['accessToken']}"}
    assert manual_hub.get("/api/auth/me")["user"]["tenantId"] == registered["tenant"]["id"]


@pytest.mark.parametrize(
    ("accept", "status", "location"),
    [
        ("text/html,application/xhtml+xml;q=0.9", 302, "/#/login"),
        ("application/json", 405, None),
        ("*/*", 405, None),
        (None, 405, None),
    ],
)
def test_a_browser_that_is_sent_to_sign_in_is_led_to_the_page(
    manual_hub: ManualHub, accept: str | None, status: int, location: str | None
) -> None:
    answer = manual_hub.client.get("/api/auth/login", headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.headers.get("Location")) == (status, location)


def test_the_inbox_shows_who_wrote_and_what_was_written_last(manual_hub: ManualHub, written: str) -> None:
    row = _row(manual_hub)
    assert row["customer"] == {"id": row["customerId"], "name": "Customer 5", "externalId": "5"}
    assert (row["lastMessage"]["text"], row["lastMessage"]["direction"]) == ("hello", "INBOUND")
    assert (row["autoReplyEnabled"], row["autoReplyAgentId"], row["phoneNumber"]) == (True, None, None)
    manual_hub.post("/api/messages/send", {"conversationId": written, "text": "hi"}, 202)
    last = _row(manual_hub)["lastMessage"]
    assert (last["text"], last["direction"]) == ("hi", "OUTBOUND")
    assert manual_hub.get(f"/api/conversations/{written}")["lastMessage"] == last


def test_a_conversation_of_an_earlier_version_has_no_last_message(manual_hub: ManualHub, written: str) -> None:
    manual_hub.store.commit([Merge(Ref("conversations", written), {"last_message_id": None})])
    assert _row(manual_hub)["lastMessage"] is None


@pytest.mark.parametrize(
    ("fields", "phone_number"),
    [
        ({"customer_phone": "+491701234567"}, "+491701234567"),
        ({"channel": "whatsapp", "external_user_id": "491701234567@s.whatsapp.net"}, "491701234567"),
        ({"channel": "whatsapp", "external_user_id": "491701234567"}, "491701234567"),
        ({"channel": "telegram_bot", "external_user_id": "491701234567"}, None),
        ({"channel": "whatsapp", "external_user_id": "12345@lid"}, None),
        ({"channel": "whatsapp", "external_user_id": "491701234567-1@g.us", "is_group": True}, None),
        ({"channel": "slack", "external_user_id": "U1@s.whatsapp.net"}, None),
    ],
)
def test_the_title_of_a_conversation_is_a_number_where_there_is_one(
    manual_hub: ManualHub, written: str, fields: dict[str, Any], phone_number: str | None
) -> None:
    manual_hub.store.commit([Merge(Ref("conversations", written), fields)])
    assert _row(manual_hub)["phoneNumber"] == phone_number


def test_the_inbox_never_pages_and_shows_two_hundred(manual_hub: ManualHub) -> None:
    channel = manual_hub.telegram()
    for chat in range(1, 53):
        manual_hub.writes(channel, "hello", chat=chat)
    manual_hub.work()
    assert len(manual_hub.get("/api/conversations")["conversations"]) == 52


def test_history_says_that_it_is_well(manual_hub: ManualHub, written: str) -> None:
    page = manual_hub.get(f"/api/conversations/{written}/messages?limit=100")
    assert page["ok"] is True
    assert [message["text"] for message in page["messages"]] == ["hello"]


def test_what_is_sent_comes_back_at_the_top_of_the_answer_too(manual_hub: ManualHub, written: str) -> None:
    channel = manual_hub.conversation().instance_id
    body = {"channelInstanceId": channel, "conversationId": written, "text": "hi", "autoReply": True}
    answer = manual_hub.post("/api/messages/send", body, 202)
    assert answer["ok"] is True
    assert answer["queue"]["id"] == answer["id"]
    assert {name: answer[name] for name in answer["message"]} == answer["message"]
    assert (answer["direction"], answer["text"], answer["channelInstanceId"]) == ("OUTBOUND", "hi", channel)


def test_a_picture_may_be_sent_with_an_empty_text(manual_hub: ManualHub, written: str) -> None:
    picture = {"type": "image", "url": f"{manual_hub.provider.url}/cat.png"}
    body = {"conversationId": written, "text": "", "autoReply": False, "attachments": [picture]}
    answer = manual_hub.post("/api/messages/send", body, 202)
    assert (answer["type"], answer["attachments"][0]["url"]) == ("image", picture["url"])


def _switch(hub: ManualHub, conversation: str, status: int = 200, **body: Any) -> Any:
    return hub.patch(f"/api/conversations/{conversation}/auto-reply", body, status)


def test_the_switch_of_a_conversation_silences_the_machine_there_and_is_remembered(manual_hub: ManualHub) -> None:
    manual_hub.echo_agent()
    channel = manual_hub.telegram()
    manual_hub.writes(channel, "hello")
    manual_hub.writes(channel, "I am another", chat=6)
    silent, other = sorted(manual_hub.conversations(), key=lambda each: each.external_user_id)
    answer = _switch(manual_hub, silent.id, enabled=False)
    assert (answer["ok"], answer["conversation"]["autoReplyEnabled"]) == (True, False)
    manual_hub.work()
    assert manual_hub.sent_texts() == ["Echo: I am another"]
    assert manual_hub.get(f"/api/conversations/{silent.id}")["autoReplyEnabled"] is False
    assert manual_hub.get(f"/api/conversations/{other.id}")["autoReplyEnabled"] is True
    _switch(manual_hub, silent.id, enabled=True)
    manual_hub.writes(channel, "still there?")
    manual_hub.work()
    assert manual_hub.sent_texts()[1:] == ["Echo: hello\nstill there?"]


def test_an_answer_that_was_being_made_when_the_machine_was_silenced_is_not_sent(manual_hub: ManualHub) -> None:
    manual_hub.echo_agent()
    manual_hub.writes(manual_hub.telegram(), "hello")
    conversation = manual_hub.conversation()
    manual_hub.overlaps.store.before_commit("outbox", lambda: _switch(manual_hub, conversation.id, enabled=False))
    manual_hub.work()
    assert manual_hub.sent_texts() == []


def test_the_agent_that_is_chosen_for_a_conversation_answers_there(manual_hub: ManualHub) -> None:
    manual_hub.echo_agent(name="First")
    chosen = manual_hub.echo_agent(name="Chosen")
    channel = manual_hub.telegram()
    manual_hub.writes(channel, "hello")
    _switch(manual_hub, manual_hub.conversation().id, enabled=True, agentId=chosen)
    manual_hub.work()
    [answer] = [message for message in manual_hub.messages() if message.direction == "outbound"]
    assert answer.author_id == chosen
    assert (
        _switch(manual_hub, answer.conversation_id, enabled=True, agentId="")["conversation"]["autoReplyAgentId"]
        is None
    )


@pytest.mark.parametrize("change", ["deleted", "inactive"])
def test_when_the_chosen_agent_is_there_no_more_the_usual_one_answers(manual_hub: ManualHub, change: str) -> None:
    first, chosen = manual_hub.echo_agent(name="First"), manual_hub.echo_agent(name="Chosen")
    manual_hub.writes(manual_hub.telegram(), "hello")
    _switch(manual_hub, manual_hub.conversation().id, enabled=True, agentId=chosen)
    if change == "deleted":
        manual_hub.client.delete(f"/api/agents/{chosen}", headers=manual_hub.headers)
    else:
        manual_hub.patch(f"/api/agents/{chosen}", {"active": False})
    manual_hub.work()
    [answer] = [message for message in manual_hub.messages() if message.direction == "outbound"]
    assert answer.author_id == first


def test_only_an_ai_agent_of_the_tenant_can_be_chosen(manual_hub: ManualHub, written: str) -> None:
    person = manual_hub.echo_agent(kind="human")
    for nobody in (person, "nobody", "agent-of-another"):
        refused = _switch(manual_hub, written, 400, enabled=True, agentId=nobody)
        assert list(refused["fields"]) == ["agentId"]


def test_another_tenants_conversation_cannot_be_switched(manual_hub: ManualHub, written: str) -> None:
    stranger = key_for(manual_hub.deps, "globex", Role.OWNER)
    path = f"/api/conversations/{written}/auto-reply"
    assert manual_hub.client.patch(path, json={"enabled": False}, headers=stranger).status_code == 404
    conversation: Conversation = manual_hub.conversation()
    assert conversation.auto_reply_enabled
