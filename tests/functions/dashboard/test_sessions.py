"""Sessions and their messages in the Dashboard dialect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from functions.dashboard.main import blueprints
from shared.deps import Deps
from shared.domain.conversations import Conversation, ConversationStatus
from shared.domain.instances import ChannelType
from shared.domain.messages import Attachment, Author, Direction, Message, MessageKind, MessageStatus
from tests.apps import create_app
from tests.functions.dashboard.conftest import START
from tests.functions.dashboard.golden import golden
from tests.functions.keys import key_for

Converse = Callable[..., Conversation]
Say = Callable[..., Message]


def test_no_sessions_is_an_empty_list(client: FlaskClient) -> None:
    assert client.get("/sessions/active").json == {"sessions": []}


def test_what_is_not_known_is_null_and_the_widget_is_called_chat(client: FlaskClient, converse: Converse) -> None:
    converse("a", channel=ChannelType.WIDGET)
    [session] = client.get("/sessions/active").json["sessions"]  # type: ignore[index]
    assert (session["agent_id"], session["customer_info"]) == (None, {"name": None, "phone": None})
    assert session["channel_type"] == "chat"


def test_only_open_ones_of_the_tenant_newest_first_in_pages(client: FlaskClient, converse: Converse) -> None:
    converse("old", 1)
    converse("new", 3)
    converse("middle", 2)
    converse("closed", 4, status=ConversationStatus.CLOSED)
    converse("snoozed", 5, status=ConversationStatus.SNOOZED)
    converse("foreign", 6, tenant_id="other")
    first: Any = client.get("/sessions/active?limit=2")
    assert [session["session_id"] for session in first.json["sessions"]] == ["new", "middle"]
    following = {"limit": 2, "cursor": first.headers["X-Next-Cursor"]}
    rest: Any = client.get("/sessions/active", query_string=following)
    assert [session["session_id"] for session in rest.json["sessions"]] == ["old"]
    assert "X-Next-Cursor" not in rest.headers


def test_who_waits_longest_comes_first_also_over_pages(client: FlaskClient, converse: Converse) -> None:
    converse("idle-old", 1)
    converse("idle-new", 9)
    converse("waits", 2, needs_reply_since=START + timedelta(minutes=2))
    converse("waits-longer", 8, needs_reply_since=START + timedelta(minutes=1))
    expected = ["waits-longer", "waits", "idle-new", "idle-old"]
    whole: Any = client.get("/sessions/active").json
    assert [session["session_id"] for session in whole["sessions"]] == expected
    for limit in (1, 2, 3):
        listed: list[str] = []
        cursor = ""
        while cursor or not listed:
            page: Any = client.get("/sessions/active", query_string={"limit": limit, "cursor": cursor})
            listed += [session["session_id"] for session in page.json["sessions"]]
            cursor = page.headers.get("X-Next-Cursor", "")
        assert listed == expected, limit


def test_two_hundred_sessions_are_listed_to_who_knows_no_limit(client: FlaskClient, converse: Converse) -> None:
    for number in range(201):
        converse(f"s{number}", number)
    first: Any = client.get("/sessions/active")
    assert (len(first.json["sessions"]), "X-Next-Cursor" in first.headers) == (200, True)


def test_who_has_no_name_is_called_by_their_number(client: FlaskClient, converse: Converse) -> None:
    converse("a", customer_phone="+5511988887777")
    [session] = client.get("/sessions/active").json["sessions"]  # type: ignore[index]
    assert session["customer_info"] == {"name": "+5511988887777", "phone": "+5511988887777"}


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=nonsense", "cursor=others.nonsense"])
@pytest.mark.parametrize("path", ["/sessions/active", "/messages/sess"])
def test_a_page_that_cannot_be_is_400(client: FlaskClient, converse: Converse, path: str, query: str) -> None:
    converse("sess")
    assert client.get(f"{path}?{query}").status_code == 400


def test_a_message_has_the_printed_form_and_its_fate(client: FlaskClient, converse: Converse, say: Say) -> None:
    converse("sess_123")
    say("sess_123", "msg_123", 15, text="I need help with my order")
    answer: Any = client.get("/messages/sess_123").json
    [printed] = golden("messages_response")["messages"]
    assert answer["messages"] == [printed | {"status": "received", "attachments": [], "details": {}}]


def test_messages_come_in_order_and_older_ones_by_cursor(client: FlaskClient, converse: Converse, say: Say) -> None:
    converse("sess")
    for minute in range(5):
        say("sess", f"m{minute}", minute)
    newest: Any = client.get("/messages/sess?limit=2").json
    assert [message["message_id"] for message in newest["messages"]] == ["m3", "m4"]
    older: Any = client.get("/messages/sess", query_string={"limit": 3, "cursor": newest["next_cursor"]}).json
    assert [message["message_id"] for message in older["messages"]] == ["m0", "m1", "m2"]
    assert older["next_cursor"] is None


@pytest.mark.parametrize(
    ("author", "sender"),
    [
        (Author.CUSTOMER, "customer"),
        (Author.HUMAN, "agent"),
        (Author.OTHER, "agent"),
        (Author.BOT, "bot"),
        (Author.SYSTEM, "system"),
    ],
)
def test_the_sender_is_one_of_four_words(
    client: FlaskClient, converse: Converse, say: Say, author: Author, sender: str
) -> None:
    converse("sess")
    say("sess", "m", author=author, direction=Direction.OUTBOUND, status=MessageStatus.DEAD)
    [message] = client.get("/messages/sess").json["messages"]  # type: ignore[index]
    assert (message["sender"], message["status"], message["content"]) == (sender, "dead", "")


def test_an_attachment_shows_what_is_known(client: FlaskClient, converse: Converse, say: Say) -> None:
    converse("sess")
    picture = Attachment(type=MessageKind.IMAGE, mime_type="image/png", extra={"file_id": "private"})
    say("sess", "m", kind=MessageKind.IMAGE, attachments=[picture])
    [message] = client.get("/messages/sess").json["messages"]  # type: ignore[index]
    assert message["type"] == "image"
    assert message["attachments"] == [{"type": "image", "media_id": "m-0", "mime_type": "image/png"}]


def test_unknown_and_foreign_sessions_look_the_same(client: FlaskClient, converse: Converse, deps: Deps) -> None:
    converse("sess")
    stranger = key_for(deps, "other")
    for session_id in ("sess", "nothing"):
        assert client.get(f"/messages/{session_id}", headers=stranger).status_code == 404
    assert client.get("/sessions/active", headers=stranger).json["sessions"] == []  # type: ignore[index]


def test_without_a_credential_nobody_gets_in_once_there_is_a_key(deps: Deps) -> None:
    keyed = replace(deps, settings=deps.settings.model_copy(update={"api_key": SecretStr("the-one-key")}))
    client = create_app(keyed, blueprints()).test_client()
    assert client.get("/sessions/active").status_code == 401
    assert client.get("/messages/sess").status_code == 401
    assert client.get("/sessions/active", headers={"X-API-Key": "the-one-key"}).status_code == 200
