"""What visitors of a widget can do, and what they cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.widget.main import blueprints
from functions.widget.visitors import PER_VISITOR
from shared.deps import Deps
from shared.domain.events import Event, Topic
from shared.domain.messages import Direction, MessageStatus
from shared.errors import StoreError
from shared.ports.store import Merge
from shared.security.buckets import Buckets
from shared.security.tokens import VisitorClaims, sign, span
from shared.usecases.sessions.visitors import TOKEN_SECONDS
from tests import refs
from tests.apps import create_app
from tests.eventually import eventually
from tests.functions.widget.conftest import Visitor, begin, make_widget
from tests.pipeline.hub import Hub
from tests.stubs import Reply


def test_a_visitor_writes_and_reads_the_answer(hub: Hub, visitor: Visitor) -> None:
    hub.echo_agent()
    accepted = visitor.say("Hello", nonce="n1")
    assert accepted.keys() == {"id", "nonce", "status"}
    assert (accepted["nonce"], accepted["status"]) == ("n1", "received")
    eventually(lambda: visitor.texts() == [("visitor", "Hello"), ("bot", "Echo: Hello")])
    page: Any = visitor.read().json
    assert page.keys() == {"messages", "nextCursor", "mayRate", "isOpen", "opensAt"}
    assert (page["mayRate"], page["isOpen"], page["opensAt"]) == (False, True, None)
    first = page["messages"][0]
    assert first == {
        "id": accepted["id"],
        "author": "visitor",
        "authorName": None,
        "text": "Hello",
        "runs": [],
        "attachments": [],
        "sentAt": first["sentAt"],
    }
    assert first["sentAt"].endswith("Z")


def test_what_is_stored_counts_as_sent_and_the_visitors_room_is_told(hub: Hub, visitor: Visitor, widget: str) -> None:
    hub.echo_agent()
    visitor.say("Hello")
    eventually(lambda: [m.status for m in hub.messages(Direction.OUTBOUND)] == [MessageStatus.SENT])
    [answer] = hub.messages(Direction.OUTBOUND)
    assert answer.external_message_id is None
    events = eventually(lambda: [event for event in hub.realtime if event.name == "visitor-message"])
    assert [(event.tenant_id, event.room) for event in events] == [(hub.tenant_id, visitor.session["room"])]
    assert events[0].payload == {"instance": widget, "messageId": answer.id}


def test_the_business_sees_the_visitor_as_any_customer_and_answers_by_hand(hub: Hub, widget: str) -> None:
    visitor = begin(hub, widget, name="Ada", email="ada@example.com")
    visitor.say("Is it in stock?")
    conversation = hub.conversation()
    assert (conversation.channel.value, conversation.customer_name) == ("widget", "Ada")
    [customer] = hub.documents("customers", tenant_id=hub.tenant_id)
    assert (customer["name"], customer["email"]) == ("Ada", "ada@example.com")
    [session] = hub.get("/sessions/active")["sessions"]
    assert session["channel_type"] == "chat"
    body = {
        "conversationId": conversation.id,
        "text": "Look",
        "attachments": [{"type": "image", "url": "https://files.example/a.png", "fileName": "a.png"}],
    }
    hub.post("/api/messages/send", body, 202)
    eventually(lambda: len(visitor.texts()) == 2)
    page: Any = visitor.read().json
    assert (page["messages"][1]["author"], page["messages"][1]["text"]) == ("agent", "Look")
    assert page["messages"][1]["attachments"] == [
        {"type": "image", "url": "https://files.example/a.png", "fileName": "a.png", "mimeType": None}
    ]


def test_the_same_nonce_again_is_the_same_message(hub: Hub, visitor: Visitor) -> None:
    first = visitor.say("Hello", nonce="same")
    assert visitor.say("Hello", nonce="same") == first
    visitor.say("Bye")
    eventually(lambda: visitor.texts() == [("visitor", "Hello"), ("visitor", "Bye")])


def test_another_visitor_may_use_the_same_nonce_and_sees_only_their_own(
    hub: Hub, visitor: Visitor, widget: str
) -> None:
    other = begin(hub, widget)
    visitor.say("mine", nonce="same")
    other.say("theirs", nonce="same")
    eventually(lambda: (visitor.texts(), other.texts()) == ([("visitor", "mine")], [("visitor", "theirs")]))
    assert len(hub.conversations()) == 2


def test_messages_of_one_visitor_keep_their_order(hub: Hub, visitor: Visitor) -> None:
    for number in range(8):
        visitor.say(str(number))
    eventually(lambda: [text for _, text in visitor.texts()] == [str(number) for number in range(8)])


class Refusing:
    """A bus that cannot store."""

    def publish(self, topic: Topic, event: Event, key: str, delay: float = 0.0) -> None:
        raise StoreError("the disk is full")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def test_a_message_that_could_not_be_stored_is_not_accepted(hub: Hub, visitor: Visitor) -> None:
    client = create_app(replace(hub.deps, bus=Refusing()), blueprints()).test_client()
    body = {"text": "Hello", "nonce": "n"}
    answer = client.post(f"{visitor.path}/messages", json=body, headers=visitor.headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    visitor.say("Hello", nonce="n")
    eventually(lambda: visitor.texts() == [("visitor", "Hello")])


def test_earlier_messages_are_a_page_away_also_those_of_a_closed_conversation(hub: Hub) -> None:
    visitor = begin(hub, make_widget(hub, csat=False))
    for number in range(3):
        visitor.say(f"first {number}")
    eventually(lambda: len(visitor.texts()) == 3)
    hub.patch(f"/api/conversations/{hub.conversation().id}", {"status": "CLOSED"})
    for number in range(2):
        visitor.say(f"second {number}")
    eventually(lambda: len(visitor.texts()) == 5)
    assert len(hub.conversations()) == 2
    newest: Any = visitor.read(limit=2).json
    assert [message["text"] for message in newest["messages"]] == ["second 0", "second 1"]
    older: Any = visitor.read(limit=3, cursor=newest["nextCursor"]).json
    assert [message["text"] for message in older["messages"]] == ["first 0", "first 1", "first 2"]
    assert older["nextCursor"] is None


def test_a_visitor_does_not_see_what_is_not_meant_for_them(hub: Hub, visitor: Visitor) -> None:
    visitor.say("Hello")
    conversation = hub.conversation()
    hidden: list[dict[str, Any]] = [
        {"direction": "system"},
        {"instance_id": "elsewhere"},
        {"kind": "reaction"},
        {"status": "dead"},
        {"deleted_at": hub.deps.now()},
    ]
    [message] = hub.messages()
    for number, change in enumerate(hidden):
        copied = message.model_dump() | {"id": f"m{number}", "text": f"hidden {number}", "direction": "outbound"}
        hub.store.commit([Merge(refs.message(f"m{number}"), copied | change)])
    assert conversation.id
    assert visitor.texts() == [("visitor", "Hello")]


def test_who_said_nothing_yet_has_an_empty_history_and_left_no_trace(hub: Hub, visitor: Visitor) -> None:
    page: Any = visitor.read().json
    assert page == {
        "messages": [],
        "nextCursor": None,
        "mayRate": False,
        "isOpen": True,
        "opensAt": None,
    }
    assert hub.documents("identities", tenant_id=hub.tenant_id) == []


def test_an_unchanged_history_is_not_sent_again(hub: Hub, visitor: Visitor) -> None:
    visitor.say("Hello")
    eventually(visitor.texts)
    etag = visitor.read().headers["ETag"]
    same = hub.client.get(f"{visitor.path}/messages", headers=visitor.headers | {"If-None-Match": etag})
    assert (same.status_code, same.data) == (304, b"")
    visitor.say("More")
    eventually(lambda: len(visitor.texts()) == 2)
    changed = hub.client.get(f"{visitor.path}/messages", headers=visitor.headers | {"If-None-Match": etag})
    assert changed.status_code == 200


def test_a_visitors_token_is_exchanged_for_a_fresh_one_of_the_same_visitor(hub: Hub, widget: str) -> None:
    visitor = begin(hub, widget, name="Ada")
    answer = hub.client.post(f"{visitor.path}/session", json={"name": "Eve"}, headers=visitor.headers)
    fresh: Any = answer.json
    assert fresh["visitorId"] == visitor.session["visitorId"]
    assert fresh.keys() == {"visitorId", "token", "expiresAt", "instance", "room"}
    Visitor(hub, visitor.path, fresh).say("still me")
    eventually(lambda: visitor.texts() == [("visitor", "still me")])
    assert hub.conversation().customer_name == "Ada"


def test_a_widget_is_found_by_its_name_too(hub: Hub, widget: str) -> None:
    assert begin(hub, "shop").session["instance"] == widget


@pytest.mark.parametrize("instance", ["nothing", "support", "embed.css", "a%00b", "x" * 600])
def test_what_is_no_widget_is_404_or_refused(hub: Hub, instance: str) -> None:
    hub.telegram("support")
    assert hub.client.post(f"/widget/{instance}/session", json={}).status_code in (400, 404)
    assert hub.client.get(f"/widget/{instance}").status_code in (400, 404)


def test_a_widget_that_was_never_connected_takes_nobody(hub: Hub, deps: Deps, widget: str) -> None:
    deps.secrets.delete(f"instance-{widget}")
    deps.cache.forget(("config", widget))
    assert hub.client.post(f"/widget/{widget}/session", json={}).status_code == 404
    token = {"Authorization": "Bearer a.b.c"}
    assert hub.client.get(f"/widget/{widget}/messages", headers=token).status_code == 401


def _signed(deps: Deps, instance: str, key: str, **changes: Any) -> str:
    issued, expires = span(deps.now(), 600)
    claims = {"user_id": "v1", "tenant_id": "t", "instance_id": instance, "type": "visitor"}
    return sign(VisitorClaims.model_validate(claims | {"iat": issued, "exp": expires} | changes), key)


def test_only_a_valid_token_of_this_widget_lets_a_visitor_in(hub: Hub, deps: Deps, widget: str) -> None:
    key = deps.secrets.read(f"instance-{widget}")["visitor_secret"]
    other = make_widget(hub, "Other")
    foreign = begin(hub, other).session["token"]
    past = int((deps.now() - timedelta(days=1)).timestamp())
    refused = {
        "none": None,
        "not a bearer": f"Basic {_signed(deps, widget, key)}",
        "empty": "Bearer ",
        "garbage": "Bearer a.b.c",
        "of another widget": f"Bearer {foreign}",
        "for another widget": f"Bearer {_signed(deps, other, key)}",
        "forged": f"Bearer {_signed(deps, widget, 'x' * 64)}",
        "expired": f"Bearer {_signed(deps, widget, key, exp=past)}",
        "an owner's": hub.headers["Authorization"],
    }
    for what, value in refused.items():
        headers = {"Authorization": value} if value else {}
        for answer in (
            hub.client.get(f"/widget/{widget}/messages", headers=headers),
            hub.client.post(f"/widget/{widget}/messages", json={"text": "x"}, headers=headers),
        ):
            assert answer.status_code == 401, what
    assert (
        hub.client.get(
            f"/widget/{widget}/messages", headers={"Authorization": f"Bearer {_signed(deps, widget, key)}"}
        ).status_code
        == 200
    )


def test_a_visitors_token_opens_nothing_else(hub: Hub, visitor: Visitor) -> None:
    for path in ("/api/conversations", "/api/auth/me", "/sessions/active", "/api/v1/instances"):
        assert hub.client.get(path, headers=visitor.headers).status_code == 401


def test_a_token_lives_long_and_not_for_ever(hub: Hub, deps: Deps, visitor: Visitor) -> None:
    def later(seconds: int) -> int:
        ahead = replace(deps, now=lambda: deps.now() + timedelta(seconds=seconds))
        client = create_app(ahead, blueprints()).test_client()
        return client.get(f"{visitor.path}/messages", headers=visitor.headers).status_code

    assert later(TOKEN_SECONDS - 60) == 200
    assert later(TOKEN_SECONDS + 60) == 401


def test_the_door_for_providers_is_closed_to_visitors(hub: Hub, visitor: Visitor, widget: str) -> None:
    body = {"visitor": {"id": visitor.session["visitorId"]}, "nonce": "n", "text": "x"}
    assert hub.client.post(f"/webhook/widget/{widget}", json=body, headers=visitor.headers).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": " \n "},
        {"text": "x" * 10_001},
        {"text": 7},
        {"text": "nul \0"},
        {"text": "x", "nonce": ""},
        {"text": "x", "nonce": "a b"},
        {"text": "x", "nonce": "n" * 65},
        {"text": "x", "attachments": [{"type": "image", "url": "https://a.example/x.png"}]},
        {"text": "x", "attachments": [{"fileId": "x"}] * 6},
    ],
)
def test_what_cannot_be_said_is_400(visitor: Visitor, hub: Hub, body: dict[str, Any]) -> None:
    answer = hub.client.post(f"{visitor.path}/messages", json=body, headers=visitor.headers)
    failure: Any = answer.json
    assert (answer.status_code, type(failure["detail"])) == (400, str)


def test_the_longest_text_goes_through(visitor: Visitor) -> None:
    visitor.say("😀" * 10_000)
    eventually(lambda: visitor.texts() == [("visitor", "😀" * 10_000)])


@pytest.mark.parametrize("fields", [{"name": ""}, {"name": "x" * 101}, {"email": "nobody"}, {"email": 5}])
def test_a_visitor_who_cannot_be_is_400(hub: Hub, widget: str, fields: dict[str, Any]) -> None:
    assert hub.client.post(f"/widget/{widget}/session", json=fields).status_code == 400


def test_one_visitor_is_slowed_down_and_the_others_are_not(hub: Hub, visitor: Visitor, widget: str) -> None:
    still = replace(hub.deps, buckets=Buckets(lambda: 0.0))
    client = create_app(still, blueprints()).test_client()
    for _ in range(PER_VISITOR.per_minute):
        answer = client.post(f"{visitor.path}/messages", json={"text": "x", "nonce": "n"}, headers=visitor.headers)
        assert answer.status_code == 202
    refused = client.post(f"{visitor.path}/messages", json={"text": "x"}, headers=visitor.headers)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    other = begin(hub, widget)
    assert client.post(f"{visitor.path}/messages", json={"text": "x"}, headers=other.headers).status_code == 202


def test_two_tenants_visitors_never_meet(hub: Hub, visitor: Visitor) -> None:
    visitor.say("secret")
    eventually(visitor.texts)
    hub.register("other@example.com")
    foreign_visitor = begin(hub, make_widget(hub, "Theirs"))
    foreign_visitor.say("other")
    eventually(lambda: foreign_visitor.texts() == [("visitor", "other")])
    assert [message.text for message in hub.messages()] == ["other"]
    assert visitor.texts() == [("visitor", "secret")]


def test_an_answer_says_how_its_parts_look(hub: Hub, widget: str, visitor: Visitor) -> None:
    hub.provider.on(
        "POST", "/api/v1/agent/support/run", Reply(json={"message": "**Hi**, [shop](https://x.example)\n- a"})
    )
    agent = {"agent_api_url": hub.provider.url, "agent_api_key": "key", "default_agent": "support"}
    [instance] = hub.documents("instances", id=widget)
    assert hub.client.put(f"/api/v1/instances/{instance['name']}", json=agent, headers=hub.headers).status_code == 200
    visitor.say("Hello")
    eventually(lambda: len(visitor.texts()) == 2)
    page: Any = visitor.read().json
    answer = page["messages"][1]
    assert answer["text"] == "Hi, shop (https://x.example)\n- a"
    assert answer["runs"] == [
        {"text": "Hi", "styles": ["bold"], "url": None},
        {"text": ", ", "styles": [], "url": None},
        {"text": "shop", "styles": [], "url": "https://x.example"},
        {"text": "\n• a", "styles": [], "url": None},
    ]


def test_a_visitor_gets_a_file_that_the_business_uploaded(hub: Hub, visitor: Visitor) -> None:
    visitor.say("The price list, please")
    conversation_id = hub.conversation().id
    file = {"data": b"%PDF-1.7", "content_type": "application/pdf", "query_string": {"fileName": "prices.pdf"}}
    upload: Any = hub.client.post("/api/files", headers=hub.headers, **file).get_json()
    attachments = [{"type": "document", "fileId": upload["id"]}]
    hub.post("/api/messages/send", {"conversationId": conversation_id, "attachments": attachments}, 202)
    page: Any = eventually(lambda: visitor.read().json if len(visitor.texts()) == 2 else None)
    [attachment] = page["messages"][1]["attachments"]
    address = urlsplit(attachment["url"])
    assert hub.client.get(f"{address.path}?{address.query}").data == b"%PDF-1.7"
    assert int(parse_qs(address.query)["expires"][0]) % 86_400 == 0, "the same link all day, for who polls"


def _uploads(visitor: Visitor, content: bytes = b"%PDF-1.7", status: int = 201, **query: str) -> Any:
    """Upload a file as the visitor; returns the answer's body."""
    path = f"/api/visitors/{visitor.session['instance']}/files"
    content_type = "application/pdf" if content.startswith(b"%PDF") else "text/html"
    answer = visitor.hub.client.post(
        path, data=content, content_type=content_type, query_string=query, headers=visitor.headers
    )
    assert answer.status_code == status, answer.text
    return answer.get_json()


def _content(hub: Hub, url: str) -> bytes:
    address = urlsplit(url)
    content: bytes = hub.client.get(f"{address.path}?{address.query}").data
    return content


def test_a_visitors_file_reaches_the_business_and_the_visitor_sees_it(hub: Hub, visitor: Visitor) -> None:
    ticket = _uploads(visitor, fileName="C:\\mine\\bill.pdf")["id"]
    visitor.say("", attachments=[{"fileId": ticket}])
    conversation_id = hub.conversation().id
    [message] = hub.get(f"/api/conversations/{conversation_id}/messages")["messages"]
    [attachment] = message["attachments"]
    assert (attachment["type"], attachment["fileName"], attachment["mimeType"]) == (
        "document",
        "bill.pdf",
        "application/pdf",
    )
    assert hub.client.get(f"/media/{attachment['mediaId']}", headers=hub.headers).data == b"%PDF-1.7"
    page: Any = visitor.read().json
    [[own]] = [each["attachments"] for each in page["messages"]]
    assert _content(hub, own["url"]) == b"%PDF-1.7"


def test_a_file_is_sent_by_the_visitor_who_uploaded_it_alone(hub: Hub, visitor: Visitor, widget: str) -> None:
    ticket = _uploads(visitor)["id"]
    other = begin(hub, widget)
    other.say("", attachments=[{"fileId": ticket}], status=404)
    file_id = ticket.partition(".")[0]
    for invented in (file_id, f"{file_id}.", f"{file_id}.{'0' * 64}", "x"):
        visitor.say("", attachments=[{"fileId": invented}], status=404)
    upload: Any = hub.client.post(
        "/api/files", data=b"%PDF-1.7", content_type="application/pdf", headers=hub.headers
    ).get_json()
    visitor.say("", attachments=[{"fileId": upload["id"]}], status=404)


def test_no_pages_or_programs_nothing_too_large_and_nothing_where_the_owner_wants_no_files(
    hub: Hub, visitor: Visitor, widget: str
) -> None:
    _uploads(visitor, b"<!doctype html><script>alert(1)</script>", status=422)
    _uploads(visitor, b"%PDF-1.7" + bytes(10 * 1024 * 1024), status=413)
    _uploads(begin(hub, make_widget(hub, "Text", visitorFiles=False)), status=422)
    path = f"/api/visitors/{widget}/files"
    assert hub.client.post(path, data=b"%PDF-1.7").status_code == 401
    assert hub.client.post(path, data=b"%PDF-1.7", headers=hub.headers).status_code == 401
    foreign = begin(hub, make_widget(hub, "Foreign"))
    assert hub.client.post(path, data=b"%PDF-1.7", headers=foreign.headers).status_code == 401


def test_visitors_are_told_names_of_people_and_bots_and_no_addresses(hub: Hub, visitor: Visitor) -> None:
    hub.echo_agent()
    visitor.say("Hello")
    eventually(lambda: len(visitor.texts()) == 2)
    hub.post("/api/messages/send", {"conversationId": hub.conversation().id, "text": "By a program"}, 202)
    hub.patch("/api/me", {"name": "Ann"})
    hub.post("/api/messages/send", {"conversationId": hub.conversation().id, "text": "By Ann"}, 202)
    eventually(lambda: len(visitor.texts()) == 4)
    page: Any = visitor.read().json
    names = {message["text"]: (message["author"], message["authorName"]) for message in page["messages"]}
    assert names["Hello"] == ("visitor", None)
    assert names["Echo: Hello"] == ("bot", "Echo")
    assert names["By Ann"] == ("agent", "Ann")
    assert "@" not in str([message["authorName"] for message in page["messages"]])


def test_a_closed_conversation_can_be_rated_once(hub: Hub, visitor: Visitor) -> None:
    visitor.say("Hello")
    conversation_id = hub.conversation().id
    hub.patch(f"/api/conversations/{conversation_id}", {"status": "CLOSED", "askRating": True})
    eventually(lambda: visitor.read().json["mayRate"])  # type: ignore[index]
    visitor.say("5")
    eventually(lambda: not visitor.read().json["mayRate"])  # type: ignore[index]
    assert hub.get("/analytics/customer-satisfaction")["overallScore"] == 5


def test_who_is_asked_for_name_and_address_gives_them_or_does_not_get_in(hub: Hub) -> None:
    strict = make_widget(hub, "Strict", askName="required", askEmail="optional")
    for fields in ({}, {"name": "  "}, {"email": "ada@example.com"}):
        refusal: Any = hub.client.post(f"/widget/{strict}/session", json=fields)
        assert (refusal.status_code, list(refusal.json["fields"])) == (400, ["name"])
    assert begin(hub, strict, name="Ada").session["token"]


def test_a_visitor_leaves_an_address_later_and_the_business_has_it_with_the_next_message(
    hub: Hub, visitor: Visitor
) -> None:
    visitor.say("Is anybody there?")
    hub.conversation()
    answer: Any = hub.client.post(
        visitor.path + "/session", json={"email": "ada@example.com"}, headers=visitor.headers
    ).json
    assert answer["visitorId"] == visitor.session["visitorId"]
    Visitor(hub, visitor.path, answer).say("My e-mail address is ada@example.com")
    eventually(lambda: [each["email"] for each in hub.documents("customers")] == ["ada@example.com"])
