"""Notes: who reads them, and whom they mention."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.messages import Direction
from shared.ports.store import Create, Ref
from tests.documents import a_user
from tests.pipeline.manual_hub import ManualHub


@pytest.fixture
def session(manual_hub: ManualHub) -> str:
    manual_hub.writes(manual_hub.telegram(), "hello")
    return manual_hub.conversation().id


def _note(hub: ManualHub, session: str, text: str, status: int = 201, **fields: Any) -> Any:
    return hub.post(f"/api/conversations/{session}/notes", {"text": text} | fields, status)


def _colleague(hub: ManualHub, user_id: str, email: str, name: str | None = None) -> None:
    user = a_user(id=user_id, tenant_id=hub.tenant_id, email=email, name=name)
    hub.store.commit([Create(Ref("users", user.id), user.model_dump())])


def test_a_note_is_read_by_the_people_of_the_business_alone(manual_hub: ManualHub, session: str) -> None:
    hub = manual_hub
    hub.new_realtime_events()
    note = _note(hub, session, "a difficult customer")["message"]
    assert hub.new_realtime_events() == ["message-created", "conversation-updated"]
    assert (note["direction"], note["author"], note["authorName"]) == ("SYSTEM", "HUMAN", "owner@example.com")
    hub.work()
    assert hub.sent_texts() == []
    assert hub.documents("outbox") == []
    assert [each["text"] for each in hub.get(f"/api/conversations/{session}/messages")["messages"]][-1] == note["text"]
    assert [each["sender"] for each in hub.get(f"/messages/{session}")["messages"]] == ["customer", "system"]
    row = hub.get(f"/api/conversations/{session}")
    assert (row["lastMessage"]["text"], row["unread"]) == ("hello", 1)
    refused = hub.post("/api/messages/send", {"conversationId": session, "forwardOf": note["id"]}, 422)
    assert refused["detail"] == "there is nothing in this message that could be passed on"


def test_no_model_is_shown_a_note(manual_hub: ManualHub, session: str) -> None:
    hub = manual_hub
    _note(hub, session, "a difficult customer")
    hub.echo_agent()
    hub.writes(hub.get("/api/channels")[0]["id"], "anybody there?")
    hub.work()
    assert [text for text in hub.sent_texts() if "difficult" in text] == []
    assert hub.sent_texts() != []


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [
        ("@ann can you look?", ["ann"]),
        ("ask @Ann.", ["ann"]),
        ("@ann@example.com, please", ["ann"]),
        ("@AnnSmith and @bob", ["ann", "bob"]),
        ("mail ann@example.com", []),
        ("@nobody @", []),
        ("@owner", ["me"]),
    ],
)
def test_who_follows_an_at_sign_is_mentioned(
    manual_hub: ManualHub, session: str, text: str, mentioned: list[str]
) -> None:
    hub = manual_hub
    _colleague(hub, "ann", "ann@example.com", "Ann Smith")
    _colleague(hub, "bob", "bob@example.com")
    me = hub.get("/api/auth/me")["user"]["id"]
    ids = [me if name == "me" else name for name in mentioned]
    assert sorted(_note(hub, session, text)["mentionedIds"]) == sorted(ids)
    notifications = hub.documents("personal_notifications", tenant_id=hub.tenant_id)
    assert sorted(each["user_id"] for each in notifications) == [name for name in sorted(ids) if name != me]


def test_a_mention_leads_to_the_conversation(manual_hub: ManualHub, session: str) -> None:
    hub = manual_hub
    _colleague(hub, "ann", "ann@example.com")
    _note(hub, session, "please take over", mentionedIds=["ann"])
    [notification] = hub.documents("personal_notifications", user_id="ann")
    assert notification["conversation_id"] == session
    assert (notification["title"], notification["message"]) == (
        "owner@example.com mentioned you",
        "please take over",
    )


def test_only_people_of_the_business_can_be_mentioned(manual_hub: ManualHub, session: str) -> None:
    hub = manual_hub
    user = a_user(id="stranger", tenant_id="another", email="stranger@example.com")
    hub.store.commit([Create(Ref("users", user.id), user.model_dump())])
    refused = _note(hub, session, "hello", 400, mentionedIds=["stranger"])
    assert list(refused["fields"]) == ["mentionedIds"]
    assert _note(hub, session, "@stranger")["mentionedIds"] == []
    assert len(hub.messages(Direction.SYSTEM)) == 1
